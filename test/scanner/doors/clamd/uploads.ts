import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'

/** Files that people upload, each of which some program reads, and none of which a scanner keeps out. */

const base64 = (size: number, fold = '\n') =>
  randomBytes(size)
    .toString('base64')
    .replace(/(.{72})/g, `$1${fold}`)
const times = (count: number, text: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => text(n)).join('')
const KIB = 1024

const card = (n: number, more = '') =>
  `BEGIN:VCARD\r\nVERSION:3.0\r\nN:Doe;Ann ${n}\r\nFN:Ann ${n}\r\nEMAIL:ann${n}@example.org\r\n${more}END:VCARD\r\n`
const photo = (size: number) => `PHOTO;ENCODING=b;TYPE=JPEG:${base64(size, '\r\n ')}\r\n`
const event = (n: number, more = '') =>
  `BEGIN:VEVENT\r\nUID:${n}@example.org\r\nDTSTART:20240101T100000Z\r\nSUMMARY:Meeting ${n}\r\n${more}END:VEVENT\r\n`
const calendar = (events: string) =>
  `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n${events}END:VCALENDAR\r\n`
const attachment = (size: number) =>
  `ATTACH;ENCODING=BASE64;VALUE=BINARY;FMTTYPE=image/png:${base64(size, '\r\n ')}\r\n`
const mail = (n: number, body = 'Hello\n') =>
  `From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: ${n}\nDate: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <${n}@example.org>\n\n${body}\n`
const inMailbox = (n: number, text = mail(n)) =>
  `From ann@example.org Mon Jan  1 00:00:00 2024\n${text}\n`
const webPage = (parts: number) =>
  `From: <Saved by Blink>\r\nSnapshot-Content-Location: https://example.org/\r\nSubject: x\r\nDate: Mon, 1 Jan 2024 00:00:00 -0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n\ttype="text/html";\r\n\tboundary="----b"\r\n\r\n\r\n${times(
    parts,
    (n) =>
      `------b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-Location: https://example.org/${n}.png\r\n\r\n${base64(60, '\r\n')}\r\n`,
  )}------b--\r\n`

/** By what they are. */
export const uploads: Readonly<Record<string, string | Buffer>> = {
  'headers whose lines end in CR': 'From: x\rContent-Type: text/plain\r\r'.repeat(3000),
  'one card': card(1),
  'a card with a photo of 300 KB': card(1, photo(300 * KIB)),
  'a card with a photo of 3 MB': card(1, photo(3072 * KIB)),
  '100 cards with photos': times(100, (n) => card(n, photo(8 * KIB))),
  '1,500 cards': times(1500, (n) => card(n)),
  '10,000 cards': times(10_000, (n) => card(n)),
  'a card of version 2.1': `BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=84;=C3=84\r\nEND:VCARD\r\n`,
  'one event': calendar(event(1)),
  'an event with an attachment of 300 KB': calendar(event(1, attachment(300 * KIB))),
  'an event with an attachment of 3 MB': calendar(event(1, attachment(3072 * KIB))),
  '5,000 events': calendar(times(5000, (n) => event(n))),
  '200 events with attachments': calendar(times(200, (n) => event(n, attachment(KIB)))),
  'a mailbox of 60 mails': times(60, (n) => inMailbox(n)),
  'a mailbox of 3,000 mails': times(3000, (n) => inMailbox(n)),
  'a mailbox of mails in one another': times(40, (n) => inMailbox(n, mail(n, mail(n, mail(n))))),
  'a mail': mail(1),
  'a mail of 5 MB': mail(1, 'Hello all, this is a line.\n'.repeat(200_000)),
  'YAML with 6,000 fields about content': times(
    6000,
    (n) => `contentType: text/plain; name=a${n}\n`,
  ),
  'YAML of an API': `openapi: 3.0.0\ninfo:\n  title: x\npaths:\n${times(2000, (n) => `  /p${n}:\n    get:\n      content-type: application/json\n`)}`,
  'YAML with From and Date': `from: accounts\ndate: 2024-01-01\nto: payments\n\n${times(3000, (n) => `- name: x${n}\n`)}`,
  'front matter': '---\ntitle: x\ndate: 2024-01-01\n---\n\nHello\n',
  LDIF: times(
    3000,
    (n) => `dn: cn=a${n},dc=example\nobjectClass: person\ncn: a${n}\nmail: a${n}@example.org\n\n`,
  ),
  'LDIF with photos': times(100, (n) => `dn: cn=a${n}\njpegPhoto:: ${base64(4 * KIB, '\n ')}\n\n`),
  'properties of Java': times(8000, (n) => `name.${n}=value: ${n}\n`),
  'a manifest of Java': `Manifest-Version: 1.0\n\n${times(6000, (n) => `Name: a/B${n}.class\nSHA-256-Digest: x\n\n`)}`,
  'a control file of Debian': times(
    3000,
    (n) => `Package: p${n}\nVersion: 1\nDescription: x\n y\n\n`,
  ),
  'a log of HTTP': times(
    2000,
    (n) =>
      `HTTP/1.1 200 OK\r\nDate: x\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: ${n}\r\n\r\n`,
  ),
  'a HAR file': JSON.stringify({
    log: {
      entries: Array.from({ length: 2000 }, (_, n) => ({
        headers: [{ name: 'Content-Type', value: `text/html; n=${n}` }],
      })),
    },
  }),
  JSON: JSON.stringify(Array.from({ length: 20_000 }, (_, id) => ({ id, name: `x: ${id}` }))),
  'lines of JSON': times(20_000, (n) => `{"a":${n},"b":"x"}\n`),
  CSV: `name,mail\n${times(20_000, (n) => `a${n},a${n}@example.org\n`)}`,
  'a web page': `<!DOCTYPE html><html><body>${times(5000, (n) => `<p>content-type: ${n}</p>\n`)}</body></html>`,
  'a page with pictures in it': `<html>${times(60, () => `<img src="data:image/png;base64,${base64(2 * KIB, '')}">\n`)}</html>`,
  'a saved page of 20 pictures': webPage(20),
  XML: `<?xml version="1.0"?><a>${times(20_000, (n) => `<b c="${n}"/>\n`)}</a>`,
  SVG: `<svg xmlns="http://www.w3.org/2000/svg">${times(3000, (n) => `<path d="M${n} 0"/>`)}</svg>`,
  'a key of OpenPGP': `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${base64(3 * KIB)}\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n`,
  'certificates in PEM': times(
    150,
    () => `-----BEGIN CERTIFICATE-----\n${base64(KIB)}\n-----END CERTIFICATE-----\n`,
  ),
  'base64 alone': base64(2048 * KIB),
  'a diff': `From 0123456789 Mon Sep 17 00:00:00 2001\nFrom: Ann <ann@example.org>\nDate: x\nSubject: [PATCH] x\n\n${times(5000, (n) => `+line: ${n}\n`)}`,
  'a script with labels': `a: for (;;) {}\n\n${times(5000, (n) => `l${n}: x()\n`)}`,
  'a subtitle file': times(4000, (n) => `${n}\n00:00:01,000 --> 00:00:02,000\nHello: ${n}\n\n`),
  'a letter': `Dear all,\n\nSubject: x\nContent-Type: text/plain\n\n${'Hello.\n'.repeat(10_000)}`,
  'a text with lines of dashes': times(6000, (n) => `--${n}\nContent-Type: text/plain\n\nx\n`),
  'many files of uuencode': times(600, (n) => `begin 644 a${n}\n#86)C\n\`\nend\n`),
  'text in UTF-16': Buffer.from(`\ufeff${'Content-Type: text/plain\n\n'.repeat(5000)}`, 'utf16le'),
  'a picture': Buffer.concat([
    Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
    randomBytes(500 * KIB),
  ]),
  'noise of 2 MB': randomBytes(2048 * KIB),
  zeros: Buffer.alloc(2048 * KIB),
  'an archive': gzipSync(randomBytes(500 * KIB)),
  'a file of nothing': '',
}

/** Files with more parts than are read of a mail, which no scanner can distinguish from one. */
export const tooMuch: Readonly<Record<string, string>> = {
  'a saved page of 2,500 pictures': webPage(2500),
  'the mark of a picture above such a page': `GIF89a\r\n${webPage(2500)}`,
  'a blank in the names of its fields': webPage(2500).replaceAll('Content-', 'Content -'),
}
