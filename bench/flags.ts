/** A number given as `--name=…` on the command line, so that a bench can be run small. */
export function flag(name: string, otherwise: number): number {
  const given = process.argv.find(argument => argument.startsWith(`--${name}=`))
  const value = given === undefined ? otherwise : Number(given.slice(name.length + 3))
  if (Number.isFinite(value) && value > 0) return value
  throw new Error(`--${name} needs a number above 0`)
}
