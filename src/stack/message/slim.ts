import { ID_COUNT } from '../grammar/names.ts'
import { ParseError } from '../grammar/parse-error.ts'
import * as h from '../headers/index.ts'
import { parseMessage, type SipRequest } from './message.ts'

/** Headers that every request must have (RFC 3261 §8.1.1), by id. */
const mandatory = new Uint8Array(ID_COUNT)
for (const { id } of [h.Via, h.From, h.To, h.CallId, h.CSeq, h.MaxForwards]) mandatory[id] = 1

/**
 * A request with its start line and the headers that every request must have, those byte for byte, and nothing more: for
 * who has to remember a request that may be large. Nothing of the original is kept alive.
 */
export function slimRequest(request: SipRequest): SipRequest {
  const { head, source } = request
  let text = head.text.slice(head.startLineStart, head.linesStart)
  for (let line = 0; line < head.lineCount; line++) {
    if (mandatory[head.idAt(line)] === 1)
      text += `${head.text.slice(head.lineStart(line), head.lineEnd(line))}\r\n`
  }
  const slim = parseMessage(Buffer.from(`${text}Content-Length: 0\r\n\r\n`, 'latin1'), source)
  if (slim instanceof ParseError || !slim.isRequest) return request
  return slim
}
