/** What a packet proves of its sender: nothing, that it has the keys, or that and being the newest of its source. */
export type Proof = 'none' | 'authentic' | 'newest'
