import { type Content, content } from './content.ts'

/** text/plain. Read as UTF-8 unless `charset` says ISO-8859-1 or US-ASCII; written as UTF-8. */
export const plainText: Content<string> = content('text/plain', {
  parse: (body, type) => {
    const charset = type.params.text('charset')?.toLowerCase()
    return charset === 'iso-8859-1' || charset === 'latin1' ? body.latin1Slice() : body.utf8Slice()
  },
  encode: value => value,
})

/** application/octet-stream. */
export const octets: Content<Buffer> = content('application/octet-stream', {
  parse: body => body,
  encode: value => value,
})
