const SEED = 20_261_121
const COUNT = 1_000_000

/** Reads `count` mutated inputs, the same ones for the same seed; throws, or rejects, where one is not taken as it should be. */
type Fuzz = (count: number, seed: number) => unknown

/** Every target by what it reads; it is loaded when it runs. */
const targets: Record<string, () => Promise<Fuzz>> = {
  message: async () => (await import('./message.ts')).fuzzMessages,
  sdp: async () => (await import('./sdp.ts')).fuzzSdp,
  stun: async () => (await import('./stun.ts')).fuzzStun,
  turn: async () => (await import('./turn.ts')).fuzzTurn,
  rtp: async () => (await import('./rtp.ts')).fuzzRtp,
  rtcp: async () => (await import('./rtp.ts')).fuzzRtcp,
  srtp: async () => (await import('./srtp.ts')).fuzzSrtp,
  'srtp-pads': async () => (await import('./srtp-pads.ts')).fuzzPads,
  digest: async () => (await import('./digest.ts')).fuzzDigest,
  bencode: async () => (await import('./bencode.ts')).fuzzBencode,
  dns: async () => (await import('./dns.ts')).fuzzDns,
  certificate: async () => (await import('./certificate.ts')).fuzzCertificates,
  websocket: async () => {
    const { fuzzWebSocket } = await import('./websocket.ts')
    // a connection costs what a hundred messages do
    return (inputs, seed) => fuzzWebSocket(Math.ceil(inputs / 10), seed)
  },
}

const [argument] = process.argv.slice(2)
const count = argument === undefined ? COUNT : Number(argument)
if (Number.isSafeInteger(count) && count > 0) await run(count)
else {
  process.stderr.write(`fuzz: ${JSON.stringify(argument)} is no count; give a whole number above 0\n`)
  process.exitCode = 2
}

async function run(each: number): Promise<void> {
  for (const [name, load] of Object.entries(targets)) {
    const fuzz = await load()
    const began = performance.now()
    try {
      const result = await fuzz(each, SEED)
      const told = typeof result === 'object' && result !== null ? Object.entries(result) : []
      const seconds = ((performance.now() - began) / 1000).toFixed(1)
      console.log(
        `${name}: ${[`${each} inputs`, ...told.map(([what, how]) => `${what} ${how}`), `${seconds} s`].join(', ')}`,
      )
    } catch (error) {
      console.error(`${name}: failed:`, error)
      process.exitCode = 1
    }
  }
}
