import { type HostileShape, SIGNED } from './hostile-shapes.ts'

/**
 * The places of mail in which something may stand again and again. A production makes one of it, with
 * what stands inside.
 */
type Productions = Readonly<Record<string, (inside: string, number: number) => string>>

interface Level {
  readonly productions: Productions
  /** The levels of which something may stand inside. */
  readonly inside: readonly (keyof typeof levels)[]
  /** A message in which this stands. */
  readonly mail: (text: string) => string
}

const inHeader = (text: string) => `From: a@example.org\n${text}\n\nx\n`
const inBody = (text: string) => `Subject: x\n\n${text}\n`
const inMultipart = (text: string) => `Content-Type: multipart/mixed; boundary=b\n\n${text}--b--\n`
const inBase64 = (type: string) => (text: string) =>
  `Content-Type: ${type}\nContent-Transfer-Encoding: base64\n\n${inLines(text)}\n`
const inLines = (text: string) =>
  Buffer.from(text, 'latin1').toString('base64').replace(/.{76}/g, '$&\n')

const signed = Buffer.from(SIGNED, 'hex').toString('latin1')

const levels = {
  characters: {
    productions: {
      letter: () => 'a',
      blank: () => ' ',
      question: () => '?',
      'equals sign': () => '=',
      CR: () => '\r',
      NUL: () => '\0',
      'eight bits': () => '\xe9',
    },
    inside: [],
    mail: inBody,
  },
  words: {
    productions: {
      'word in b': (inside) => `=?b?b?${inside}?= `,
      'word in q': (inside) => `=?x?q?${inside}?=`,
      'open word': (inside) => `=?b?b?b?${inside}`,
      escape: (inside) => `=3D=3F${inside}`,
      comment: (inside) => `(${inside})`,
      quoted: (inside) => `"${inside}"`,
    },
    inside: ['words', 'characters'],
    mail: (text) => inHeader(`Subject: ${text}`),
  },
  parameters: {
    productions: {
      boundary: (inside, n) => `; boundary=b${n}${inside}`,
      section: (inside, n) => `;\n boundary*${n}=${inside}`,
      name: (inside) => `; name="${inside}"`,
      folded: (inside) => `;\n x=${inside}`,
    },
    inside: ['words', 'characters'],
    mail: (text) => inHeader(`Content-Type: multipart/mixed${text}`),
  },
  fields: {
    productions: {
      field: (inside) => `a:${inside}\n`,
      'field about content': (inside) => `Content-A: ${inside}\n`,
      type: (inside) => `Content-Type: a/b${inside}\n`,
      encoding: (inside) => `Content-Transfer-Encoding: base64${inside}\n`,
      fold: (inside) => ` ${inside}\n`,
      'no field': (inside) => `a${inside}\n`,
    },
    inside: ['parameters', 'words', 'characters'],
    mail: inHeader,
  },
  lines: {
    productions: {
      'line of text': (inside) => `${inside}\n`,
      'begin line': (inside, n) => `begin 644 a${n}\n#86)C${inside}\n`,
      'line of an mbox': (inside) => `\nFrom a${inside}\n`,
      'line of BinHex': (inside) => `:"abc${inside}:\n`,
      'line of base64': (inside) => `QUJDREVGR0hJSktMTU5PUA==${inside}\n`,
      'line of yEnc': (inside) => `=ybegin line=128 size=3 name=a\nabc${inside}\n=yend size=3\n`,
      dashes: (inside) => `--b${inside}\n`,
      armour: (inside) => `-----BEGIN PGP MESSAGE-----\n\n${inside}\n-----END PGP MESSAGE-----\n`,
    },
    inside: ['words', 'characters'],
    mail: inBody,
  },
  parts: {
    productions: {
      part: (inside) => `--b\n\n${inside}\n`,
      'part of fields': (inside) => `--b\n${inside}\n`,
      'part in base64': (inside) => `--b\n${inBase64('a/b')(inside)}`,
      'part in quoted-printable': (inside) =>
        `--b\nContent-Transfer-Encoding: quoted-printable\n\n=41=\n${inside}\n`,
      'part in uuencode': (inside) => `--b\nContent-Transfer-Encoding: x-uuencode\n\n${inside}\n`,
      mailbox: (inside) => `--b\nContent-Type: a/b\n\nFrom a\n\n${inside}\n\nFrom b\n\n`,
      'part in utf-16': (inside) => `--b\nContent-Type: text/html; charset=utf-16\n\n${inside}\n`,
      'flowed part': (inside) => `--b\nContent-Type: text/plain; format=flowed\n\n ${inside} \n`,
      message: (inside) => `--b\nContent-Type: message/rfc822\n\nA: b\n\n${inside}\n`,
      multipart: (inside, n) =>
        `--b\nContent-Type: multipart/mixed; boundary=c${n}\n\n--c${n}\n${inside}\n--c${n}--\n`,
    },
    inside: ['fields', 'lines', 'characters'],
    mail: inMultipart,
  },
  properties: {
    productions: {
      attach: (inside) => `ATTACH;ENCODING=BASE64:QUJD${inside}\n`,
      key: (inside) => `KEY;ENCODING=QUOTED-PRINTABLE:=41${inside}=\n`,
      data: (inside) => `X:data:,a%41${inside}\n`,
      parameter: (inside) => `X;FILENAME="a:${inside}\n`,
      fold: (inside) => ` ${inside}\n`,
      'empty line and fold': (inside) => `\n QUJD${inside}\n`,
    },
    inside: ['characters'],
    mail: (text) => `Content-Type: text/calendar\n\nATTACH;ENCODING=B:QUJD${text}\n`,
  },
  elements: {
    productions: {
      octets: (inside) => `\x24\x80\x04\x01a${inside}\0\0`,
      sequence: (inside) => `\x30\x80${inside}\0\0`,
      'long length': (inside) => `\x04\x84\0\0\0\x01a${inside}`,
    },
    inside: ['elements', 'characters'],
    mail: (text) => inBase64('application/pkcs7-mime')(`${signed}${text}`),
  },
  packets: {
    productions: {
      literal: (inside) => `\xcb\x06b\0\0\0\0\0${inside}`,
      marker: (inside) => `\xca\x03PGP${inside}`,
      'piece of a packet': (inside) => `\xcb\xe0${inside}`,
    },
    inside: ['packets', 'characters'],
    mail: inBase64('application/pgp-encrypted'),
  },
} satisfies Record<string, Omit<Level, 'inside'> & { readonly inside: readonly string[] }>

/** How often what stands outside is repeated, and how often what stands inside of each. */
const shares: Readonly<Record<string, (count: number) => readonly [number, number]>> = {
  'many of one': (count) => [count, 1],
  'one of many': (count) => [1, count],
  'many of many': (count) => [Math.ceil(Math.sqrt(count)), Math.ceil(Math.sqrt(count))],
}

/** Repeats each thing that mail has in each other in which it may stand. */
export const composedShapes: readonly HostileShape[] = Object.values(levels).flatMap(
  ({ productions, inside, mail }) =>
    Object.entries(productions).flatMap(([outer, makeOuter]) =>
      (inside as (keyof typeof levels)[]).flatMap((level) =>
        Object.entries(levels[level].productions as Productions).flatMap(([inner, makeInner]) =>
          Object.entries(shares).map(([share, divide]) => ({
            name: `${outer} of ${inner}: ${share}`,
            make(size: number) {
              const one = (makeOuter as Productions[string])(makeInner('', 1), 1).length
              const [outside, within] = divide(size / one)
              const repeated = (count: number, make: (n: number) => string) =>
                Array.from({ length: Math.max(1, count) }, (_, n) => make(n)).join('')
              const content = repeated(within, (n) => makeInner('', n))
              const text = repeated(outside, (n) => (makeOuter as Productions[string])(content, n))
              return mail(text.slice(0, 2 * size))
            },
          })),
        ),
      ),
    ),
)
