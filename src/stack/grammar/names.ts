/** Every header name the stack knows, with its compact form (RFC 3261 §7.3.3, IANA registry). A name's place is its id. */
const table: readonly (readonly [name: string, compact?: string])[] = [
  ['Via', 'v'],
  ['From', 'f'],
  ['To', 't'],
  ['Call-ID', 'i'],
  ['CSeq'],
  ['Max-Forwards'],
  ['Contact', 'm'],
  ['Route'],
  ['Record-Route'],
  ['Content-Length', 'l'],
  ['Content-Type', 'c'],
  ['Timestamp'],
  ['Accept'],
  ['Accept-Contact', 'a'],
  ['Accept-Encoding'],
  ['Accept-Language'],
  ['Accept-Resource-Priority'],
  ['Alert-Info'],
  ['Allow'],
  ['Allow-Events', 'u'],
  ['Answer-Mode'],
  ['Authentication-Info'],
  ['Authorization'],
  ['Call-Info'],
  ['Content-Disposition'],
  ['Content-Encoding', 'e'],
  ['Content-ID'],
  ['Content-Language'],
  ['Content-Transfer-Encoding'],
  ['Date'],
  ['Diversion'],
  ['Error-Info'],
  ['Event', 'o'],
  ['Expires'],
  ['Feature-Caps'],
  ['Flow-Timer'],
  ['Geolocation'],
  ['Geolocation-Error'],
  ['Geolocation-Routing'],
  ['History-Info'],
  ['Identity', 'y'],
  ['Identity-Info', 'n'],
  ['Info-Package'],
  ['In-Reply-To'],
  ['Join'],
  ['Max-Breadth'],
  ['MIME-Version'],
  ['Min-Expires'],
  ['Min-SE'],
  ['Organization'],
  ['P-Access-Network-Info'],
  ['P-Asserted-Identity'],
  ['P-Associated-URI'],
  ['P-Called-Party-ID'],
  ['P-Charging-Function-Addresses'],
  ['P-Charging-Vector'],
  ['P-Early-Media'],
  ['P-Media-Authorization'],
  ['P-Preferred-Identity'],
  ['P-Visited-Network-ID'],
  ['Path'],
  ['Priority'],
  ['Priv-Answer-Mode'],
  ['Privacy'],
  ['Proxy-Authenticate'],
  ['Proxy-Authentication-Info'],
  ['Proxy-Authorization'],
  ['Proxy-Require'],
  ['RAck'],
  ['Reason'],
  ['Recv-Info'],
  ['Refer-Sub'],
  ['Refer-To', 'r'],
  ['Referred-By', 'b'],
  ['Reject-Contact', 'j'],
  ['Remote-Party-ID'],
  ['Replaces'],
  ['Reply-To'],
  ['Request-Disposition', 'd'],
  ['Require'],
  ['Resource-Priority'],
  ['Retry-After'],
  ['RSeq'],
  ['Security-Client'],
  ['Security-Server'],
  ['Security-Verify'],
  ['Server'],
  ['Service-Route'],
  ['Session-Expires', 'x'],
  ['Session-ID'],
  ['SIP-ETag'],
  ['SIP-If-Match'],
  ['Subject', 's'],
  ['Subscription-State'],
  ['Supported', 'k'],
  ['Suppress-If-Match'],
  ['Target-Dialog'],
  ['Unsupported'],
  ['User-Agent'],
  ['User-to-User'],
  ['Warning'],
  ['WWW-Authenticate'],
]

/** The id of a name that is not in the table. */
export const EXTENSION = 0
/** The id of a line that is no header line: it has no colon after its first token. */
export const MALFORMED: number = table.length + 1

/** How many ids there are, `EXTENSION` and `MALFORMED` among them. */
export const ID_COUNT: number = table.length + 2

const SLOTS = 1024
const slots = new Int16Array(SLOTS)
const spellings: { readonly id: number; readonly bytes: Uint8Array }[] = []
const ids = new Map<string, number>()

for (const [index, spelled] of table.entries()) {
  for (const name of spelled) {
    const bytes = Buffer.from((name ?? '').toLowerCase(), 'latin1')
    let slot = slotOf(bytes, 0, bytes.length)
    while (slots[slot] !== 0) slot = (slot + 1) & (SLOTS - 1)
    spellings.push({ id: index + 1, bytes })
    slots[slot] = spellings.length
    ids.set(bytes.latin1Slice(), index + 1)
  }
}

/**
 * Where the look for a name begins: made of its length and three of its characters, for a hash over all of them would
 * take longer than the comparison that follows. Bit 5, a letter's case, has no say.
 */
function slotOf(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from
  const first = (bytes[from] as number) & 0x1f
  const middle = (bytes[from + (length >> 1)] as number) & 0x1f
  const last = (bytes[to - 1] as number) & 0x1f
  return (first + middle * 33 + last * 211 + length * 17) & (SLOTS - 1)
}

/** Id of the name in `bytes[from, to)`, which is known to consist of token characters, one at least. */
export function idOfBytes(bytes: Uint8Array, from: number, to: number): number {
  for (let slot = slotOf(bytes, from, to); ; slot = (slot + 1) & (SLOTS - 1)) {
    const spelling = spellings[(slots[slot] as number) - 1]
    if (spelling === undefined) return EXTENSION
    if (spells(spelling.bytes, bytes, from, to)) return spelling.id
  }
}

function spells(name: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[from + i] as number
    const expected = name[i] as number
    // the letters of the name are lower case, and no other token character differs from one in that bit alone
    if (byte !== expected && (byte | 0x20) !== expected) return false
  }
  return true
}

/** Id of a header name in any case, long or compact. */
export function idOfName(name: string): number {
  return ids.get(name.toLowerCase()) ?? EXTENSION
}
