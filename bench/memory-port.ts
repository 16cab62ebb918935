/**
 * Loaded before a program that is measured (`node --expose-gc --import …`): answers each message on its channel with
 * what the program holds after a full collection, in bytes. The channel does not keep the program alive.
 */
process.on('message', () => {
  globalThis.gc?.()
  const { rss, heapUsed, external } = process.memoryUsage()
  process.send?.({ rss, held: heapUsed + external })
})
process.channel?.unref()
