import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { HttpClient } from '../../src/net/http.ts'

const servers: Server[] = []

async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<URL> {
  const server = createServer(handler)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return new URL(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/path`)
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
})

describe('HttpClient over a real socket', () => {
  it('posts a body and takes the response, several over one connection', async () => {
    let connections = 0
    const url = await serve(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const line = `${request.method} ${request.url} ${request.headers['content-type']} ${Buffer.concat(chunks)}`
      response.writeHead(201, { 'content-type': 'x/y' }).end(line)
    })
    servers[0]?.on('connection', () => {
      connections++
    })
    const client = new HttpClient(url)
    try {
      for (const body of ['a', 'b']) {
        const { status, contentType, body: answer } = await client.post(Buffer.from(body), 'text/plain')
        expect([status, contentType, answer.toString()]).toEqual([
          201,
          'x/y',
          `POST /path text/plain ${body}`,
        ])
      }
      expect(connections).toBe(1)
    } finally {
      client.close()
    }
  })

  it('rejects with the system’s code where nothing listens', async () => {
    const url = await serve(() => {})
    const [server] = servers.splice(0)
    server?.close()
    const client = new HttpClient(url)
    await expect(client.post(Buffer.from('x'), 'text/plain')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    client.close()
  })

  it('takes no more of a body than it is allowed', async () => {
    const url = await serve((_, response) => response.end('x'.repeat(1001)))
    const client = new HttpClient(url, { maxBodyBytes: 1000 })
    await expect(client.post(Buffer.from('x'), 'text/plain')).rejects.toMatchObject({ code: 'ERR_HTTP_BODY' })
    client.close()
  })

  it('gives up when it is told to, and where the response is cut short', async () => {
    const url = await serve((request, response) => {
      if (request.headers['content-type'] === 'cut') {
        response.writeHead(200, { 'content-length': 100 }).write('part')
        setImmediate(() => response.destroy())
      }
    })
    const client = new HttpClient(url)
    const abort = new AbortController()
    const hanging = client.post(Buffer.from('x'), 'text/plain', abort.signal)
    abort.abort()
    await expect(hanging).rejects.toMatchObject({ code: 'ABORT_ERR' })
    await expect(client.post(Buffer.from('x'), 'cut')).rejects.toMatchObject({ code: 'ECONNRESET' })
    client.close()
  })
})
