import { createSocket } from 'node:dgram'
import {
  isChannelData,
  Lifetime,
  method,
  parseStun,
  StunMessage,
  StunWriter,
  XorMappedAddress,
  XorRelayedAddress,
} from 'resip/media'

/** A TURN server that grants everything to everybody and sends channel data back to where it came from; a child. */
const socket = createSocket({
  type: 'udp4',
  recvBufferSize: 4 * 1024 * 1024,
  lookup: (host, _, done) => done(null, host, 4),
})

socket.on('message', (bytes, { address, port }) => {
  if (isChannelData(bytes)) {
    socket.send(bytes, port, address)
    return
  }
  const request = parseStun(bytes)
  if (!(request instanceof StunMessage) || request.class !== 'request') return
  const response = StunWriter.responseTo(request, 'success')
  if (request.method === method.Allocate) {
    response.add(XorRelayedAddress, { address, port: 9 }).add(XorMappedAddress, { address, port })
    response.add(Lifetime, 600)
  }
  socket.send(response.finish(), port, address)
})
socket.bind(0, '127.0.0.1', () => process.send?.(socket.address().port))
process.on('disconnect', () => process.exit(0))
