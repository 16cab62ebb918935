import { createSocket } from 'node:dgram'
import { stun } from 'resip/media'

/** A TURN server that grants everything to everybody and sends channel data back to where it came from; a child. */
const socket = createSocket({
  type: 'udp4',
  recvBufferSize: 4 * 1024 * 1024,
  lookup: (host, _, done) => done(null, host, 4),
})

socket.on('message', (bytes, { address, port }) => {
  if (stun.isChannelData(bytes)) {
    socket.send(bytes, port, address)
    return
  }
  const request = stun.parseStun(bytes)
  if (!(request instanceof stun.StunMessage) || request.class !== 'request') return
  const response = stun.StunWriter.responseTo(request, 'success')
  if (request.method === stun.method.Allocate) {
    response.add(stun.XorRelayedAddress, { address, port: 9 }).add(stun.XorMappedAddress, { address, port })
    response.add(stun.Lifetime, 600)
  }
  socket.send(response.finish(), port, address)
})
socket.bind(0, '127.0.0.1', () => process.send?.(socket.address().port))
process.on('disconnect', () => process.exit(0))
