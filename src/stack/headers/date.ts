import type { HeaderGrammar } from '../grammar/header.ts'
import type { Scanner } from '../grammar/scanner.ts'

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * Date (RFC 3261 §20.17): milliseconds since 1970 in UTC, as `new Date(…)` takes them. `Sat, 13 Nov 2010 23:29:00 GMT`
 * and no other time zone; the day of the week is read and not compared with the date.
 */
export const date: HeaderGrammar<number> = {
  parse: parseDate,
  encode: value => new Date(value).toUTCString(),
}

/** `wkday "," SP 2DIGIT SP month SP 4DIGIT SP 2DIGIT ":" 2DIGIT ":" 2DIGIT SP "GMT"`. */
function parseDate(scanner: Scanner): number {
  const text = scanner.text.slice(scanner.position, Math.min(scanner.end, scanner.position + 29))
  const fields = /^(\w{3}), (\d{2}) (\w{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/.exec(text)
  if (fields === null) return scanner.fail('date such as "Sat, 13 Nov 2010 23:29:00 GMT" expected')
  const [, dayName = '', day, monthName = '', year, hour, minute, second] = fields
  const month = months.indexOf(monthName)
  if (!days.includes(dayName)) scanner.fail(`"${dayName}" is no day of the week`)
  if (month < 0) scanner.fail(`"${monthName}" is no month`)
  const start = new Date(0)
  start.setUTCFullYear(Number(year), month, Number(day))
  if (start.getUTCDate() !== Number(day)) scanner.fail(`${monthName} has no day ${day}`)
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) scanner.fail('no time of day')
  scanner.position += text.length
  return start.getTime() + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000
}
