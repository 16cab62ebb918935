/** Milliseconds of the past in which the pitch is sought. */
const WINDOW = 20
/** Milliseconds: pitches of 200 to 66 Hz, or multiples of higher ones. */
const SHORTEST_PITCH = 5
const LONGEST_PITCH = 15
/** Milliseconds after which the repetition fades, and in which it is gone (after ITU-T G.711 appendix I). */
const FADE_AFTER = 10
const FADE = 50
/** Milliseconds over which what comes after a loss is joined to what stood in for it. */
const JOIN = 4

/**
 * Packet-loss concealment for waveform codecs: a missing frame is the last pitch period again and again, fading to
 * silence within 60 ms, and the first frame after it is joined without a click. Allocates nothing for a frame.
 */
export class Concealment {
  readonly #history: Float64Array
  readonly #period: Float64Array
  readonly #perMs: number
  #pitch = 0
  #position = 0

  constructor(sampleRate: number = 8000) {
    this.#perMs = sampleRate / 1000
    this.#history = new Float64Array(Math.ceil((WINDOW + LONGEST_PITCH) * this.#perMs))
    this.#period = new Float64Array(Math.ceil(LONGEST_PITCH * this.#perMs))
  }

  /** A frame that came: after a loss its beginning is changed in place. */
  received(frame: Int16Array): void {
    if (this.#pitch > 0) {
      const join = Math.min(frame.length, Math.round(JOIN * this.#perMs))
      for (let i = 0; i < join; i++) {
        const share = (i + 1) / (join + 1)
        frame[i] = Math.round((frame[i] ?? 0) * share + this.#next() * (1 - share))
      }
      this.#pitch = 0
    }
    this.#remember(frame)
  }

  /** Fills `frame` in place of one that is missing. */
  conceal(frame: Int16Array): void {
    if (this.#pitch === 0) this.#begin()
    for (let i = 0; i < frame.length; i++) frame[i] = Math.round(this.#next())
    this.#remember(frame)
  }

  /** The next sample of the repeated period. */
  #next(): number {
    const faded = Math.max(0, this.#position / this.#perMs - FADE_AFTER) / FADE
    const sample = this.#period[this.#position++ % this.#pitch] ?? 0
    return sample * Math.max(0, 1 - faded)
  }

  #begin(): void {
    const history = this.#history
    const end = history.length
    const pitch = this.#findPitch()
    for (let i = 0; i < pitch; i++) this.#period[i] = history[end - pitch + i] ?? 0
    // the period's end leads into its beginning as what came before the beginning did
    const overlap = pitch >> 2
    for (let i = 0; i < overlap; i++) {
      const share = (i + 1) / (overlap + 1)
      const at = pitch - overlap + i
      const before = history[end - pitch - overlap + i] ?? 0
      this.#period[at] = (this.#period[at] ?? 0) * (1 - share) + before * share
    }
    this.#pitch = pitch
    this.#position = 0
  }

  /** The lag at which the last 20 ms are most like what came before them. */
  #findPitch(): number {
    const history = this.#history
    const window = Math.round(WINDOW * this.#perMs)
    const start = history.length - window
    let best = Math.round(LONGEST_PITCH * this.#perMs)
    let greatest = 0
    for (let lag = Math.round(SHORTEST_PITCH * this.#perMs); lag <= start; lag++) {
      let product = 0
      let energy = 1
      for (let i = start; i < history.length; i++) {
        const before = history[i - lag] ?? 0
        product += (history[i] ?? 0) * before
        energy += before * before
      }
      const likeness = product / Math.sqrt(energy)
      if (likeness > greatest) {
        greatest = likeness
        best = lag
      }
    }
    return best
  }

  #remember(frame: Int16Array): void {
    const history = this.#history
    const kept = Math.min(frame.length, history.length)
    history.copyWithin(0, kept)
    for (let i = 0; i < kept; i++) history[history.length - kept + i] = frame[frame.length - kept + i] ?? 0
  }
}
