import t from 'tap'
import { readNames } from '../../../../../src/mail/mime/headers/names.ts'
import { doneUnlimited, sumOf } from '../../../../mail/mime/unlimited-work.ts'
import { disposed, outcome } from './mail.ts'

const typed = (parameters: string) => `Content-Type: application/octet-stream; ${parameters}\n\nx\n`

t.test('a banned name is seen however it is written', async (t) => {
  const cases: [string, string][] = [
    ['quoted', 'filename="a.exe"'],
    ['a token', 'filename=a.exe'],
    ['blanks around', 'filename = "a.exe" '],
    ['upper case', 'FILENAME="A.EXE"'],
    ['a blank at the end', 'filename="a.exe "'],
    ['dots and quotes at the end', `filename="a.exe. .'"`],
    ['a path of Windows', 'filename="C:\\temp\\a.exe"'],
    ['a path of Unix', 'filename="../../a.exe"'],
    ['an escaped character', 'filename="a.e\\xe"'],
    ['a NUL and another name', 'filename="a.exe\0.txt"'],
    ['a NUL inside', 'filename="a.e\0xe"'],
    ['text behind the quotes', 'filename="a.exe" size=3'],
    ['text behind the token', 'filename=a.exe size=3'],
    ['quotes inside', 'filename="a.""exe"'],
    ['text joined to the quotes', 'filename="a."exe'],
    ['an open quote', 'filename="a.exe'],
    ['an open quote before it', 'filename="a.txt; filename=a.exe'],
    ['behind no semicolon', 'size=3 filename="a.exe"'],
    ['behind a name and no semicolon', 'filename="a.txt" filename="a.exe" x'],
    ['behind a comma', 'size=3, filename="a.exe"'],
    ['behind a control character', '\x01filename="a.exe"'],
    ['behind a comment in quotes', 'x=(" ) filename="a.exe"'],
    ['in two words', 'file name="a.exe"'],
    ['in quotes', '"filename"="a.exe"'],
    ['a NUL in the word', 'fi\0lename\0="a.exe"'],
    ['a token that ends at a comma', 'filename=a.exe,b.txt'],
    ['a token that ends at a slash', 'filename=a.exe/b.txt'],
    ['a token that ends at a bracket', 'filename=a.exe[1].txt'],
    ['a token that ends at a control character', 'filename=a.exe\x01.txt'],
    ['a token that ends at a byte above ASCII', 'filename=a.exe\xe9.txt'],
    ['in angle brackets', 'filename=<a.exe>'],
    ['a comment behind a quote that is not closed', 'x=a"; filename(c)=a.exe'],
    ['a second name', 'filename="a.txt"; filename="a.exe"'],
    ['a first name', 'filename="a.exe"; filename="a.txt"'],
    ['inside quotes', 'x="; filename=a.exe"'],
    ['behind a comment', '(c) filename="a.exe"'],
    ['behind a comment with a quote', '(") filename="a.exe"'],
    ['folded', '\n filename\n =\n "a.exe"'],
    ['RFC 5987', "filename*=utf-8''a%2Eexe"],
    ['RFC 5987 beside a plain name', "filename=a.txt; filename*=utf-8''a%2eexe"],
    ['a plain name beside RFC 5987', "filename*=utf-8''a.txt; filename=a.exe"],
    ['RFC 5987 without a charset', 'filename*=a%2Eexe'],
    ['RFC 5987 with parentheses', "filename*=utf-8''a(1).exe"],
    ['an unknown charset', "filename*=no-such''a%2Eexe"],
    ['sections', 'filename*0="a"; filename*1=".e"; filename*2=xe'],
    ['sections out of order', 'filename*2=xe; filename*0="a"; filename*1=".e"'],
    ['sections, some encoded', 'filename*0*=utf-8\'en\'a%2E; filename*1="ex"; filename*2*=%65'],
    ['sections with a gap', 'filename*0=a.exe; filename*2=.txt'],
    ['two sections of a number, the first', 'filename*0=a.exe; filename*0=.txt'],
    ['two sections of a number, the last', 'filename*0=a.ex; filename*1=.txt; filename*1=e'],
    ['sections as they are written', 'filename*1=a.; filename*0=exe'],
    ['ten and more sections', [...'aaaaaaaaa.exe'].map((c, n) => `filename*${n}=${c}`).join(';')],
    ['sections by letters', 'filename*2=xe; filename*10=a.e'],
    ['escapes in a section that has none', 'filename*0="a%2E"; filename*1=exe'],
    ['escapes in one section that has none', "filename*0*=utf-8''a%2E; filename*1=%65xe"],
    ['UTF-16', "filename*=utf-16be''%00a%00.%00e%00x%00e"],
    ['UTF-16, either order of bytes', "filename*=utf-16''%00a%00.%00e%00x%00e"],
    ['UTF-16, the other order of bytes', "filename*=utf-16''a%00.%00e%00x%00e%00"],
    ['UTF-16 with a mark', "filename*=utf-16''%FE%FF%00a%00.%00e%00x%00e"],
    ['UTF-7', "filename*=utf-7''a.+AGU-x+AGU-"],
    ['UTF-7 by its other name', "filename*=unicode-1-1-utf-7''a.+AGU-x+AGU-"],
    ['an encoded word in UTF-7', 'filename="=?utf-7?Q?a.+AGU-x+AGU-?="'],
    ['an encoded word in UTF-7, other name', 'filename="=?UNICODE-1-1-UTF-7?Q?a.+AGU-x+AGU-?="'],
    ['an encoded word in UTF-7 and base64', 'filename="=?utf-7?B?YS4rQUdVLXgrQUdVLQ==?="'],
    ['an encoded word in UTF-16', 'filename="=?utf-16?B?AGEALgBlAHgAZQ==?="'],
    ['an encoded word in UTF-16, the other order', 'filename="=?utf-16?B?YQAuAGUAeABlAA==?="'],
    ['an encoded word in UTF-32', 'filename="=?utf-32be?B?AAAAYQAAAC4AAABlAAAAeAAAAGU=?="'],
    ['an encoded word in base64', 'filename="=?utf-8?B?YS5leGU=?="'],
    ['an encoded word in Q', 'filename="=?iso-8859-1?Q?a=2Eexe?="'],
    ['an encoded word in ISO-2022-JP', 'filename="=?iso-2022-jp?B?GyRCJCIbKEIuZXhl?="'],
    ['an encoded word in no character set', 'filename="=?no-such?B?YS5leGU=?="'],
    ['base64 behind padding', 'filename="=?utf-8?B?YQ==LmV4ZQ==?="'],
    ['base64 behind padding, that some skip', 'filename="=?utf-8?B?YS5=leGU=?="'],
    ['base64 behind padding, at which some end', 'filename="=?utf-8?B?YS5leGU=QUJD?="'],
    ['a character in two encoded words', 'filename="=?utf-8?B?ww==?= =?utf-8?B?qS5leGU=?="'],
    ['encoded words, not quoted', 'filename==?utf-8?B?YS5l?=\n =?utf-8?B?eGU=?='],
    ['raw UTF-8', 'filename="r\xc3\xa9sum\xc3\xa9.exe"'],
    ['raw Latin-1', 'filename="r\xe9sum\xe9.exe"'],
    ['an invisible character', "filename*=utf-8''a.e%E2%80%8Bxe"],
    ['right-to-left override', "filename*=utf-8''gpj%E2%80%AE.exe"],
    ['parameters in an encoded word', '=?utf-8?q?a=3Bfilename=3Da.exe?='],
    ['a long name', `filename="${'a'.repeat(900)}.exe"`],
    ['a very long name', `filename="${'a'.repeat(200_000)}.exe"`],
  ]
  for (const [name, parameters] of cases) {
    t.match(await outcome(disposed(`attachment; ${parameters}`)), /\.exe$/i, name)
    const inType = parameters.replaceAll('filename', 'name').replaceAll('FILENAME', 'NAME')
    t.match(await outcome(typed(inType)), /\.exe$/i, `${name}, as name`)
  }
})

t.test('a banned name is found behind any other text', async (t) => {
  const decoy = 'Content-Type: application/octet-stream; name=a.txt\n'
  for (const [name, header] of [
    ['in place of the disposition', 'Content-Disposition: filename=a.exe\n'],
    ['in place of the type', 'Content-Type: name="a.exe"\n'],
    ['behind a comma', 'Content-Disposition: attachment, filename=a.exe\n'],
    ['in a line below that is no fold', 'Content-Disposition: attachment;\nfilename=a.exe\n'],
    ['behind a blank', 'Content-Disposition: attachment filename=a.exe\n'],
    ['behind a fold, in a type', 'Content-Type: a/b\n name="a.exe"\n'],
    ['behind a comma, in a type', 'Content-Type: a/b,\n name=a.exe; x=y\n'],
    ['all in an encoded word', `${decoy}Content-Disposition: =?x?q?a;_filename=3Da.exe?=\n`],
  ] as const)
    t.equal(await outcome(`${header}\nx\n`), 'a.exe', name)
  t.equal(await outcome('Content-Disposition: attachment, x; xfilename=a.exe\n\nx\n'), 'clean')
})

t.test('a field that is a name as a whole counts, as in Thunderbird and Ruby', async (t) => {
  for (const field of [
    'Content-Name: a.exe',
    'Content-Name: C:\\dir\\a.exe',
    'X-Sun-Data-Name: "a.exe"',
    'Content-Location: a.exe',
    'content-name:\n =?utf-8?Q?a=2Eexe?=',
    'Content-Disposition: attachment; filename=a.txt\nContent-Name: a.e\\xe',
  ]) {
    t.equal(await outcome(`Content-Type: application/x-any\n${field}\n\nx`), 'a.exe', field)
  }
  t.equal(await outcome('Content-Name: a.txt\nX-Content-Name: a.exe\n\nx'), 'clean')
  t.equal(await outcome('Content-Location: https://example.org/a.exe\n\nx'), 'clean')
})

t.test('a description is the name of a part without another, as in Exchange', async (t) => {
  const description = 'Content-Description: =?utf-8?Q?a=2Eexe?='
  const type = 'Content-Type: application/x-any'
  for (const fields of [
    `${type}\n${description}`,
    `${description}\n${type}\nContent-Disposition: attachment`,
    `${type}; name=""\n${description}`,
    `${type}\nContent-Name: a.txt\n${description}`,
    `Content-Type: text/plain\n${description}\nContent-Disposition: attachment`,
  ]) {
    t.equal(await outcome(`${fields}\n\nx`), 'a.exe', fields)
  }
  t.equal(await outcome(`${type}; name=a.txt\n${description}\n\nx`), 'clean')
  t.equal(await outcome(`${type}\nContent-Description: the file a.exe in it\n\nx`), 'clean')
  for (const prose of [
    'Content-Type: message/rfc822\nContent-Disposition: attachment',
    'Content-Type: text/plain',
    'Subject: x',
  ])
    t.equal(await outcome(`${prose}\n${description}\n\nx`), 'clean', prose)
})

t.test('the name in the outcome has no path', async (t) => {
  t.equal(await outcome(disposed('attachment; filename="C:\\dir\\a b.exe"')), 'a b.exe')
})

t.test('a name that no rule bans is not banned', async (t) => {
  for (const parameters of [
    'filename="a.exe.txt"',
    'filename="exe"',
    'filename=a.txt; x=a.exe',
    'xfilename=a.exe',
    "filename*=utf-8''a%2Etxt",
    'filename="="',
    'filename=""',
    'filename',
  ]) {
    t.equal(await outcome(disposed(`attachment; ${parameters}`)), 'clean', parameters)
  }
})

t.test('a name in a character set that is not read is over the limit', async (t) => {
  for (const parameters of [
    'filename="=?ibm037?B?gUuFp4U=?="',
    'filename="=?EBCDIC-CP-US?Q?=81=4B=85=A7=85?="',
    "filename*=ibm037''%81%4B%85%A7%85",
    "filename*0*=cp500''%81%4B; filename*1*=%85%A7%85",
  ]) {
    const found = await outcome(disposed(`attachment; ${parameters}`))
    t.equal(found, 'over: a file name in a character set that is not read', parameters)
  }
  t.equal(await outcome(disposed('attachment; filename="=?x-any?B?YQ==?="')), 'clean')
})

t.test('names are read in proportion to what is written, in small steps', async (t) => {
  const word = (n: number) => `=?x${n}?q?=41(${n})?=\\ `
  const words = (count: number) => Array.from({ length: count }, (_, n) => word(n)).join('')
  const shapes: Readonly<Record<string, (size: number) => string>> = {
    'names of encoded words': (size) =>
      Array.from({ length: size / 480 }, (_, n) => `; name="${words(24)}${n}"(c) x`).join(''),
    'one name of encoded words': (size) => `; filename="${words(size / 16)}`,
    'words without an end': (size) => `; filename="${'=?a?q?'.repeat(size / 6)}`,
    'sections of encoded words': (size) =>
      Array.from({ length: size / 50 }, (_, n) => `; name*${n}*=${word(n)}`).join(''),
    quotes: (size) => `; name=${'"'.repeat(size)}`,
    'escapes in quotes': (size) => `; name="${'\\'.repeat(size)}`,
    comments: (size) => `; name=${'('.repeat(size)}`,
    'dots and blanks at the end': (size) => `; name="${'a. '.repeat(size / 3)}b"`,
    semicolons: (size) => ';'.repeat(size),
    'quotes that are not closed': (size) => '; name=\\"x'.repeat(size / 10),
    'lines in a name': (size) => `; name=a${'\n :\n a:'.repeat(size / 7)}`,
  }
  const unitsOf = (value: string) => {
    const fields = [{ name: 'content-disposition', value: `attachment${value}` }]
    const { units } = doneUnlimited((work) => readNames(fields, work))
    return { most: Math.max(...units), sum: sumOf(units) }
  }
  for (const [name, make] of Object.entries(shapes)) {
    const [once, twice] = [unitsOf(make(20_000)), unitsOf(make(40_000))]
    t.ok(twice.sum <= 2.2 * once.sum + 100_000, `${name}: ${once.sum}, then ${twice.sum}`)
    t.ok(twice.most <= 4 * 1024 * 1024, `${name}: ${twice.most} at a time`)
  }
})
