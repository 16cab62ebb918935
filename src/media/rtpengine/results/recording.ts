/** An SDP that went through the engine while a call was recorded. */
export interface RecordedSdp {
  /** `offer` or `answer`. */
  readonly mode: string
  /** Milliseconds since 1970, with fractions. */
  readonly timestamp: number
  /** The label of the party, where it has one. */
  readonly label: string | undefined
  readonly sdp: string
}

/** A recorded call, as the engine's metadata file tells of it. */
export interface Recording {
  /** The file with the packets. */
  readonly pcap: string
  readonly sdps: readonly RecordedSdp[]
  /** Of the engine's clock, ISO 8601 without a zone; undefined while the call lasts. */
  readonly started: string | undefined
  readonly ended: string | undefined
  /** What the option `metadata` said. */
  readonly metadata: string | undefined
}

const LABEL = 'Label: '
const SDP_STARTED = 'Timestamp started ms: '
const MODE = 'SDP mode: '
const START_TIME = 'call start time: '
const END_TIME = 'call end time: '
const MARKS = [LABEL, SDP_STARTED, 'Timestamp terminated', START_TIME, END_TIME]

/**
 * Reads the metadata file that rtpengine writes beside a pcap (`recording-dir/metadata/*.txt`). Lines that it does not
 * know belong to the SDP or the metadata they stand in.
 */
export function parseRecording(text: string): Recording {
  const lines = text.split(/\r?\n/)
  const sdps: RecordedSdp[] = []
  let started: string | undefined
  let ended: string | undefined
  let label: string | undefined
  let metadata: string | undefined
  for (let at = 1; at < lines.length; at++) {
    const line = lines[at] ?? ''
    if (line.startsWith(LABEL)) label = line.slice(LABEL.length)
    else if (line.startsWith(SDP_STARTED)) {
      const end = endOfSdp(lines, at + 1)
      sdps.push(recordedSdp(lines.slice(at, end), label))
      label = undefined
      at = end - 1
    } else if (line.startsWith(START_TIME)) started = line.slice(START_TIME.length)
    else if (line.startsWith(END_TIME)) {
      ended = line.slice(END_TIME.length)
      metadata =
        lines
          .slice(at + 1)
          .join('\n')
          .trim() || undefined
      break
    }
  }
  return { pcap: lines[0] ?? '', sdps, started, ended, metadata }
}

function endOfSdp(lines: readonly string[], from: number): number {
  const end = lines.findIndex((line, at) => at >= from && MARKS.some(mark => line.startsWith(mark)))
  return end < 0 ? lines.length : end
}

/** The lines from its time stamp to the next one's: three of a head, then the SDP between blank lines. */
function recordedSdp(lines: readonly string[], label: string | undefined): RecordedSdp {
  const mode = lines.find(line => line.startsWith(MODE)) ?? MODE
  const start = lines.findIndex(line => line.startsWith('v='))
  const body = start < 0 ? [] : lines.slice(start).filter(line => line !== '')
  return {
    mode: mode.slice(MODE.length),
    timestamp: Number(lines[0]?.slice(SDP_STARTED.length)),
    label,
    sdp: body.map(line => `${line}\r\n`).join(''),
  }
}
