/** What this process has used, in milliseconds: unlike the time that passed it does not grow with what others do. */
export function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
