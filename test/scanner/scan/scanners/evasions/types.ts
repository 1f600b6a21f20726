import {
  ATTACHED,
  BASE64,
  base64,
  type Evasion,
  latin1,
  mail,
  mixed,
  named,
  part,
} from './compose.ts'
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
        part([`Content-Type: ${type}`, `Content-Disposition: ${disposition}`], latin1(textFile)),
      ),
  }
}

const others = [
  ...['messages/x; name=a.zip', 'message-x/y; name=a.zip', 'massage/zip; name=a.zip'],
  ...['mesage/rfc822; name=a.zip', 'multiparts/x; name=a.zip', 'multipar/mixed; name=a.zip'],
  ...['textual/zip; name=a.zip', 'texts/plain', 'text/zip; name=a.zip', 'text/plain', 'text/html'],
  ...['text/rtf', 'text/calendar; method=REQUEST', 'plain; name=a.zip', 'application; name=a.zip'],
  ...['zip', 'video/x; name=a.zip', 'model/x; name=a.zip', 'x-message/zip; name=a.zip'],
  ...['message/; name=a.zip', 'message; name=a.zip'],
]
const ofAttachments = [
  ...['multipart/mixed; name=a.zip', 'text/rfc822-headers; name=a.zip'],
  ...['message/delivery-status; name=a.zip', 'message/disposition-notification; name=a.zip'],
  ...['message/rfc822-headers; name=a.zip', 'message/sip; name=a.zip'],
  ...['message/imdn+xml; name=a.zip', 'message/partial; id=a; number=2; total=2; name=a.zip'],
  ...['message/external-body; access-type=x; name=a.zip'],
]
const ofMails = [
  ...['messages/x; name=a.zip', 'message/delivery-status; name=a.zip', 'text/plain'],
  ...['text/html; charset=utf-8', 'multipart/mixed; name=a.zip', 'x/y'],
]

export const types: readonly Evasion[] = [
  ...others.map((type) => typed(type)),
  ...ofAttachments.map((type) => typed(type, [ATTACHED])),
  ...ofMails.map(alone),
  ...named({
    'a text whose lines end in several CRs, as it stands': () =>
      mixed(part([ATTACHED, 'Content-Type: a/b'], latin1(textFile))).replaceAll('\n', '\r\r\n'),
  }),
  typed('text/plain; name=a.zip', ['Content-Disposition: form-data; filename=a.zip']),
  typed('text/plain', ['Content-Disposition: form-data; name=a; filename=a.zip']),
  typed('text/plain', ['Content-Disposition: attachment']),
  typed('text/plain', ['Content-Disposition: inline']),
  typed('text/html', ['Content-Disposition: x-any; filename=a.zip']),
  disposed('form-data; filename=a.txt'),
  disposed('form-data; name=a; filename=a.txt', 'text/plain'),
  disposed('inline'),
  disposed('inline; filename=a.txt', 'text/html'),
  disposed('attachment; filename=a.txt', 'text/plain'),
  disposed('x-any; filename=a.txt', 'text/csv'),
  disposed('attachment', 'message/delivery-status'),
]
