import { h, nameAddr, request, SipStack } from 'resip/stack'

/** A stack that does what it is told by messages, and tells what it was asked. */
const stack = new SipStack({ followInterval: 100 })
const seen = []
stack.onRequest(transaction => {
  const { via, source } = transaction.request
  seen.push({ from: source.address, sentBy: via.sentBy, text: transaction.request.toString() })
  transaction.respond(200)
})

const keys = () => stack.transports.map(({ key }) => key)
const acts = {
  keys,
  seen: () => seen.splice(0),
  async listen(...points) {
    await stack.listen(...points)
    return keys()
  },
  async unlisten(...points) {
    await stack.unlisten(...points)
    return keys()
  },
  async options(target, options) {
    const template = request('OPTIONS', target, { from: '<sip:a@example.com>' })
    const contact = nameAddr('<sip:a@x>')
    template.set(h.Contact, contact.with({ uri: contact.uri.with({ host: '' }) }))
    return (await stack.request(template, options)).status
  },
}

process.on('message', async question => {
  const [act, ...args] = JSON.parse(question)
  try {
    process.send({ answer: await acts[act](...args) })
  } catch (error) {
    process.send({ problem: error.message })
  }
})
process.once('SIGTERM', () => process.exit(0))
