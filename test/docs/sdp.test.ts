import { describe, expect, it } from 'vitest'
import { run, snippetsOf } from './snippets.ts'

const [reading = '', building = ''] = snippetsOf('docs/sdp.md')

describe('docs/sdp.md, through the exports of the package', () => {
  it('reads an offer and puts it on hold', async () => {
    const output = await run(reading)
    expect(output).toContain("encoding: 'PCMU'")
    expect(output).toContain('\nsendrecv\n192.0.2.1\nv=0\r\no=- 1 2 IN IP4 192.0.2.1\r\n')
    expect(output).toContain('m=audio 6000 RTP/AVP 0\r\na=sendonly\r\n')
  })

  it('builds a description', async () => {
    expect(await run(building)).toBe(
      [
        'v=0',
        'o=- 1 1 IN IP4 192.0.2.1',
        's=-',
        'c=IN IP4 192.0.2.1',
        't=0 0',
        'm=audio 6000 RTP/AVP 8 101',
        'a=rtpmap:101 telephone-event/8000',
        'a=rtcp-mux',
        '\n',
      ].join('\r\n'),
    )
  })
})
