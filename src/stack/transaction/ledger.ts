/** What bounds the transactions of a stack. */
export interface TransactionLimits {
  /** Transactions that may be open at a time, finished ones that still absorb retransmissions among them. */
  readonly maxTransactions: number
  /** Octets that they may keep in all, as near as can be told; a heap of 512 MB holds the default. */
  readonly maxTransactionBytes: number
}

/** Keeps account of what the live transactions of a stack hold. */
export class Ledger {
  readonly #limits: TransactionLimits
  /** Transactions that are kept. */
  count = 0
  /** Octets they keep from being freed. */
  bytes = 0

  constructor(limits: TransactionLimits) {
    this.#limits = limits
  }

  /** Whether no further transaction may be begun. */
  get isFull(): boolean {
    return this.count >= this.#limits.maxTransactions || this.bytes >= this.#limits.maxTransactionBytes
  }
}
