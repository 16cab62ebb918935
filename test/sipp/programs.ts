import { fileURLToPath } from 'node:url'
import { hostPort } from '../../src/util/address.ts'
import { Child } from '../peers/child.ts'

const root = new URL('../../', import.meta.url)

/** `resip proxy` as it is shipped, listening on one port over UDP and TCP. */
export async function startProxy(
  address: string,
  port: number,
  nextHop: string,
  ...flags: readonly string[]
): Promise<Child> {
  const where = hostPort(address, port)
  const listen = ['--listen', `udp:${where}`, '--listen', `tcp:${where}`]
  const program = fileURLToPath(new URL('dist/apps/resip/main.js', root))
  const args = [program, 'proxy', ...listen, '--next-hop', nextHop, ...flags]
  const proxy = await Child.start(process.execPath, args)
  await proxy.says('listens on')
  return proxy
}

/** One of `examples/`, with its arguments. */
export async function startExample(name: string, ...args: readonly string[]): Promise<Child> {
  return Child.start(process.execPath, [fileURLToPath(new URL(`examples/${name}`, root)), ...args])
}
