import { ATTACHED, BASE64, base64, type Evasion, mail, mixed, named, part } from './compose.ts'
import { textFile, zip } from './files.ts'

/** A zip in base64 in a part of this Content-Type. */
function typed(type: string, others: readonly string[] = []): Evasion {
  return {
    name: `a zip in a part of type ${type}${others.map((field) => `, ${field}`).join('')}`,
    text: () => mixed(part([`Content-Type: ${type}`, BASE64, ...others], base64(zip))),
  }
}

/** The same as the only content of the mail. */
function alone(type: string): Evasion {
  return {
    name: `a zip as a mail of type ${type}`,
    text: () => mail(part([`Content-Type: ${type}`, BASE64], base64(zip))),
  }
}

/** A text that a digest knows, as it stands, in a part of this disposition. */
function disposed(disposition: string, type = 'text/plain; name=a.txt'): Evasion {
  return {
    name: `a text as it stands, ${type}, ${disposition}`,
    text: () =>
      mixed(
        part(
          [`Content-Type: ${type}`, `Content-Disposition: ${disposition}`],
          textFile.toString('latin1'),
        ),
      ),
  }
}

export const types: readonly Evasion[] = [
  ...named({
    'a text whose lines end in several CRs, as it stands': () =>
      mixed(part([ATTACHED, 'Content-Type: a/b'], textFile.toString('latin1'))).replaceAll(
        '\n',
        '\r\r\n',
      ),
  }),
  typed('messages/x; name=a.zip'),
  typed('message-x/y; name=a.zip'),
  typed('massage/zip; name=a.zip'),
  typed('mesage/rfc822; name=a.zip'),
  typed('multiparts/x; name=a.zip'),
  typed('multipar/mixed; name=a.zip'),
  typed('multipart/mixed; name=a.zip', [ATTACHED]),
  typed('textual/zip; name=a.zip'),
  typed('texts/plain'),
  typed('text/zip; name=a.zip'),
  typed('text/plain'),
  typed('text/html'),
  typed('text/rtf'),
  typed('text/calendar; method=REQUEST'),
  typed('text/rfc822-headers; name=a.zip', [ATTACHED]),
  typed('plain; name=a.zip'),
  typed('application; name=a.zip'),
  typed('zip'),
  typed('video/x; name=a.zip'),
  typed('model/x; name=a.zip'),
  typed('x-message/zip; name=a.zip'),
  typed('message/; name=a.zip'),
  typed('message; name=a.zip'),
  typed('message/delivery-status; name=a.zip', [ATTACHED]),
  typed('message/disposition-notification; name=a.zip', [ATTACHED]),
  typed('message/rfc822-headers; name=a.zip', [ATTACHED]),
  typed('message/sip; name=a.zip', [ATTACHED]),
  typed('message/imdn+xml; name=a.zip', [ATTACHED]),
  typed('message/partial; id=a; number=2; total=2; name=a.zip', [ATTACHED]),
  typed('message/external-body; access-type=x; name=a.zip', [ATTACHED]),
  typed('text/plain; name=a.zip', ['Content-Disposition: form-data; filename=a.zip']),
  typed('text/plain', ['Content-Disposition: form-data; name=a; filename=a.zip']),
  typed('text/plain', ['Content-Disposition: attachment']),
  typed('text/plain', ['Content-Disposition: inline']),
  typed('text/html', ['Content-Disposition: x-any; filename=a.zip']),
  alone('messages/x; name=a.zip'),
  alone('message/delivery-status; name=a.zip'),
  alone('text/plain'),
  alone('text/html; charset=utf-8'),
  alone('multipart/mixed; name=a.zip'),
  alone('x/y'),
  disposed('form-data; filename=a.txt'),
  disposed('form-data; name=a; filename=a.txt', 'text/plain'),
  disposed('inline'),
  disposed('inline; filename=a.txt', 'text/html'),
  disposed('attachment; filename=a.txt', 'text/plain'),
  disposed('x-any; filename=a.txt', 'text/csv'),
  disposed('attachment', 'message/delivery-status'),
]
