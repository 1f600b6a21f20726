import t from 'tap'
import { SEARCHED_PER_UNIT } from '../../../../src/mail/mime/budget/work.ts'
import { structureHabits } from '../../../../src/mail/mime/habits/structure-habits.ts'
import { allReadings } from './all-readings.ts'

/**
 * A message, and its leaves in the reading that makes the common choice everywhere; and in those that differ from
 * it in one choice, if they find others. Of each leaf: how many multiparts and messages it is in, its
 * encodings, its bytes, and whether it is text that is shown.
 */
const cases: readonly (readonly [
  name: string,
  mail: string,
  leaves: Readonly<Record<string, readonly string[]>>,
])[] = [
  ['the body of a mail without parts', 'A: b\n\nx\n', { common: ['0/0 identity "x\\n" text'] }],
  ['a mail that ends in its header', 'A: b', { common: [] }],
  [
    'parts, and what stands around them',
    'Content-Type: multipart/mixed; boundary=b\n\np\n--b\n\nx\n--b--\ne\n',
    {
      common: ['0/0 identity "p\\n"', '1/0 identity "x\\n"', '0/0 identity "e\\n" text'],
    },
  ],
  ...(
    [
      ['--b ', 'delimiter and blanks'],
      ['-- \tb', 'delimiter with blanks'],
      ['--\0b', 'delimiter with NULs'],
      ['--b\0\0', 'delimiter with NULs'],
      ['--B', 'delimiter in other letters'],
      ['--b x', 'delimiter, a blank and more'],
      ['--bx', 'delimiter and more'],
    ] as const
  ).map(
    ([line, feature]) =>
      [
        `a line that is similar to the delimiter, ${JSON.stringify(line)}`,
        `Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n${line}\n\ny\n--b--\n`,
        {
          common: ['1/0 identity "x\\n"', '1/0 identity "y\\n"'],
          [`${feature}: is text`]: [`1/0 identity ${JSON.stringify(`x\n${line}\n\ny\n`)}`],
        },
      ] as const,
  ),
  [
    'a line that begins as the last delimiter does',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--x\n\ny\n--b--\n',
    {
      common: ['1/0 identity "x\\n"', '0/0 identity "\\ny\\n--b--\\n" text'],
      'delimiter after the end: begins a part': [
        '1/0 identity "x\\n"',
        '0/0 identity "\\ny\\n" text',
      ],
      'last delimiter and more: is text': ['1/0 identity "x\\n--b--x\\n\\ny\\n"'],
    },
  ],
  ...['b', 'c', 'd', 'e'].map((own, at) => {
    const which = ['the first', 'the second', 'the third', 'one more'][at]!
    const body = `--${own}\n\nx\n`
    const whole = `0/0 identity ${JSON.stringify(body)}`
    return [
      `four boundaries, and the delimiter of ${which}`,
      `Content-Type: multipart/mixed; boundary=b; boundary=c; boundary=d; boundary=e\n\n${body}`,
      {
        common: ['1/0 identity "x\\n"', whole],
        'multipart: is that of a text or a file': [whole],
        [`delimiter of ${which} boundary: is text`]: [whole, whole],
      },
    ] as const
  }),
  [
    'a multipart inside that is not closed',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--b--\ne\n--c--\n',
    {
      common: ['2/0 identity "x\\n"', '0/0 identity "e\\n--c--\\n" text'],
      'outer delimiter: is text of the part inside': ['2/0 identity "x\\n--b--\\ne\\n"'],
    },
  ],
  [
    'a multipart inside that is closed',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--c--\ny\n--b--\ne\n',
    {
      common: ['2/0 identity "x\\n"', '1/0 identity "y\\n" text', '0/0 identity "e\\n" text'],
    },
  ],
  [
    'a boundary that is used again inside',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\ny\n--b--\n',
    {
      common: ['1/0 identity "x\\n"', '0/0 identity "y\\n--b--\\n" text'],
      'outer delimiter: is text of the part inside': [
        '1/0 identity "--b\\n\\nx\\n--b--\\ny\\n--b--\\n"',
      ],
      'delimiter after the end: begins a part': ['1/0 identity "x\\n"', '0/0 identity "y\\n" text'],
    },
  ],
  [
    'a boundary that the one inside begins with',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b--\n\n--b--\n\nx\n--b----\n',
    {
      common: ['0/0 identity "\\nx\\n--b----\\n" text'],
      'outer delimiter: is text of the part inside': ['1/0 identity "--b--\\n\\nx\\n"'],
      'delimiter after the end: begins a part': ['0/0 identity "\\nx\\n" text'],
    },
  ],
  [
    'a boundary that ends as that of the multipart inside does',
    'Content-Type: multipart/mixed; boundary=b--\n\n--b--\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n\ny\n',
    {
      common: ['2/0 identity "x\\n"', '1/0 identity "y\\n"'],
      'outer delimiter: is text of the part inside': ['2/0 identity "x\\n--b--\\n\\ny\\n"'],
    },
  ],
  [
    'the end of a multipart, in which some readers see the boundary around it',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=bc\n\n--bc\n\nx\n--bc--\nA: b\n\ny\n--b--\n',
    {
      common: ['2/0 identity "x\\n"', '1/0 identity "A: b\\n\\ny\\n" text'],
      'text after the end: is a part, and begins with its header': [
        '2/0 identity "x\\n"',
        '2/0 identity "y\\n"',
      ],
    },
  ],
  [
    'a multipart inside that is not closed, and another of its boundary',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=C\n\n--C\n\nx\n--b\nContent-Type: multipart/mixed; boundary=C\n\n--C\n\ny\n--b--\n',
    {
      common: ['2/0 identity "x\\n"', '2/0 identity "y\\n"'],
      'outer delimiter: is text of the part inside': [
        '2/0 identity "x\\n--b\\nContent-Type: multipart/mixed; boundary=C\\n\\n"',
        '2/0 identity "y\\n--b--\\n"',
      ],
    },
  ],
  [
    'a multipart without a boundary',
    'Content-Type: multipart/mixed\n\n--x\n\ny\n',
    {
      common: ['0/0 identity "--x\\n\\ny\\n"', '0/0 identity "--x\\n\\ny\\n"'],
      'any dashes: is a delimiter if it is like the first': [
        '1/0 identity "y\\n"',
        '0/0 identity "--x\\n\\ny\\n"',
      ],
      'multipart: is that of a text or a file': ['0/0 identity "--x\\n\\ny\\n"'],
    },
  ],
  [
    'a multipart without a boundary, and lines of three dashes',
    'Content-Type: multipart/mixed\n\n--x\n\ny\n---\n\nz\n-----\n',
    {
      common: [
        '0/0 identity "--x\\n\\ny\\n---\\n\\nz\\n-----\\n"',
        '0/0 identity "--x\\n\\ny\\n---\\n\\nz\\n-----\\n"',
      ],
      'any dashes: is a delimiter if it is like the first': [
        '1/0 identity "y\\n---\\n\\nz\\n-----\\n"',
        '0/0 identity "--x\\n\\ny\\n---\\n\\nz\\n-----\\n"',
      ],
      'any dashes: is a delimiter if it is three dashes': [
        '0/0 identity "--x\\n\\ny\\n"',
        '1/0 identity "z\\n"',
        '0/0 identity "--x\\n\\ny\\n---\\n\\nz\\n-----\\n"',
      ],
      'multipart: is that of a text or a file': [
        '0/0 identity "--x\\n\\ny\\n---\\n\\nz\\n-----\\n"',
      ],
    },
  ],
  [
    'a multipart with an empty boundary',
    'Content-Type: multipart/mixed; boundary=""\n\n--\n\nx\n-- ;\ny\n----\n',
    {
      common: [
        '0/0 identity "--\\n\\nx\\n-- ;\\ny\\n----\\n"',
        '0/0 identity "--\\n\\nx\\n-- ;\\ny\\n----\\n"',
      ],
      'any dashes: is a delimiter if it is like the first': [
        '0/0 identity "--\\n\\nx\\n"',
        '0/0 identity "--\\n\\nx\\n-- ;\\ny\\n----\\n"',
      ],
      'any dashes: is a delimiter if nothing follows: the boundary is empty': [
        '1/0 identity "x\\n-- ;\\ny\\n"',
        '0/0 identity "--\\n\\nx\\n-- ;\\ny\\n----\\n"',
      ],
      'multipart: is that of a text or a file': ['0/0 identity "--\\n\\nx\\n-- ;\\ny\\n----\\n"'],
    },
  ],
  [
    'a multipart whose boundary is a blank',
    'Content-Type: multipart/mixed; boundary=" "\n\n-- \n\nx\n--\ny\n-- --\n',
    {
      common: [
        '0/0 identity "-- \\n\\nx\\n--\\ny\\n-- --\\n"',
        '0/0 identity "-- \\n\\nx\\n--\\ny\\n-- --\\n"',
      ],
      'any dashes: is a delimiter if it is like the first': [
        '0/0 identity "-- \\n\\nx\\n--\\ny\\n"',
        '0/0 identity "-- \\n\\nx\\n--\\ny\\n-- --\\n"',
      ],
      'any dashes: is a delimiter if nothing follows: the boundary is empty': [
        '1/0 identity "x\\n"',
        '0/0 identity "-- \\n\\nx\\n--\\ny\\n-- --\\n"',
      ],
      'any dashes: is a delimiter if a blank follows: the boundary is a blank': [
        '1/0 identity "x\\n--\\ny\\n"',
        '0/0 identity "-- \\n\\nx\\n--\\ny\\n-- --\\n"',
      ],
      'multipart: is that of a text or a file': ['0/0 identity "-- \\n\\nx\\n--\\ny\\n-- --\\n"'],
    },
  ],
  [
    'a field that ends in CR CR LF among others',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nA: c\r\r\nx:\n\ny\n--b--\n',
    {
      common: ['1/0 identity "y\\n"'],
      'bare CR: ends a line': ['1/0 identity "x:\\n\\ny\\n"'],
    },
  ],
  [
    'a name of a field that is long, and a line that is no field',
    `A: b\n${'n'.repeat(700)}: c\nno field\nD: e\n\nx\n`,
    {
      common: ['0/0 identity "x\\n"'],
      'strange line: begins the body': ['0/0 identity "no field\\nD: e\\n\\nx\\n"'],
      'strange line: begins the body of a mail, or ends the header of a part if it has no colon': [
        '0/0 identity "no field\\nD: e\\n\\nx\\n"',
      ],
    },
  ],
  [
    'an empty line between CRs',
    'Content-Type: multipart/mixed; boundary=b\r\r--b\rA: c\r\rx\r--b--\r',
    {
      common: [],
      'bare CR: ends a line': ['1/0 identity "x\\r"'],
    },
  ],
  [
    'a fold below a line of blanks, and a line that is no field',
    'A: b\n \n c\nno field\nD: e\n\nx\n',
    {
      common: ['0/0 identity "x\\n"'],
      'blank line: ends the header': ['0/0 identity " c\\nno field\\nD: e\\n\\nx\\n"'],
      'strange line: begins the body': ['0/0 identity "no field\\nD: e\\n\\nx\\n"'],
      'strange line: begins the body of a mail, or ends the header of a part if it has no colon': [
        '0/0 identity "no field\\nD: e\\n\\nx\\n"',
      ],
    },
  ],
  [
    'a boundary of a message',
    'Content-Type: message/rfc822; boundary=b\n\nA: b\n\n--b\n\nx\n--b--\n',
    {
      common: [
        '1/1 identity "--b\\n\\nx\\n--b--\\n" text',
        '0/0 identity "A: b\\n\\n--b\\n\\nx\\n--b--\\n"',
      ],
      'boundary: is that of a multipart': [
        '0/0 identity "A: b\\n\\n"',
        '1/0 identity "x\\n"',
        '0/0 identity "A: b\\n\\n--b\\n\\nx\\n--b--\\n"',
      ],
    },
  ],
  [
    'a field without a name, and a line that is no field',
    'A: b\n: c\nno field\nD: e\n\nx\n',
    {
      common: ['0/0 identity "x\\n"'],
      'nameless line: begins the body': ['0/0 identity ": c\\nno field\\nD: e\\n\\nx\\n"'],
      'strange line: begins the body': ['0/0 identity "no field\\nD: e\\n\\nx\\n"'],
      'strange line: begins the body of a mail, or ends the header of a part if it has no colon': [
        '0/0 identity "no field\\nD: e\\n\\nx\\n"',
      ],
    },
  ],
  [
    'a delimiter in the header of a multipart without a boundary',
    'Content-Type: multipart/mixed\n--x\n\ny\n',
    {
      common: ['0/0 identity "y\\n"', '0/0 identity "y\\n"'],
      'any dashes: is a delimiter if it is like the first': [
        '1/0 identity "y\\n"',
        '0/0 identity "--x\\n\\ny\\n"',
      ],
      'strange line: begins the body': [
        '0/0 identity "--x\\n\\ny\\n"',
        '0/0 identity "--x\\n\\ny\\n"',
      ],
      'strange line: begins the body of a mail, or ends the header of a part if it has no colon': [
        '0/0 identity "--x\\n\\ny\\n"',
        '0/0 identity "--x\\n\\ny\\n"',
      ],
      'multipart: is that of a text or a file': ['0/0 identity "y\\n"'],
    },
  ],
  [
    'a delimiter in the header of a part',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: a/b\n--b\nA: b\n\nx\n',
    { common: ['1/0 identity "x\\n"'] },
  ],
  [
    'an attached message',
    'Content-Type: message/rfc822\n\nA: b\n\nx\n',
    { common: ['1/1 identity "x\\n" text', '0/0 identity "A: b\\n\\nx\\n"'] },
  ],
  [
    'an attached message below blank lines',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n\nA: b\n\nx\n--b--\n',
    {
      common: ['0/1 identity "x\\n" text', '1/0 identity "\\nA: b\\n\\nx\\n"'],
      'blank top: end an empty header': [
        '0/1 identity "A: b\\n\\nx\\n" text',
        '1/0 identity "\\nA: b\\n\\nx\\n"',
      ],
    },
  ],
  [
    'a digest',
    'Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: b\n\nx\n--b\nContent-Type: text/plain\n\ny\n--b--\n',
    {
      common: [
        '0/1 identity "x\\n" text',
        '1/0 identity "A: b\\n\\nx\\n"',
        '1/0 identity "y\\n" text',
      ],
    },
  ],
  [
    'a line in a header that is no field',
    'A: b\nno field\nC: d\n\nx\n',
    {
      common: ['0/0 identity "x\\n"'],
      'strange line: begins the body': ['0/0 identity "no field\\nC: d\\n\\nx\\n"'],
      'strange line: begins the body of a mail, or ends the header of a part if it has no colon': [
        '0/0 identity "no field\\nC: d\\n\\nx\\n"',
      ],
    },
  ],
  [
    'three lines that are no fields',
    'A: b\nno\nno\nno\nx\n',
    {
      common: [],
      'strange line: begins the body': ['0/0 identity "no\\nno\\nno\\nx\\n"'],
      'strange line: begins the body of a mail, or ends the header of a part if it has no colon': [
        '0/0 identity "no\\nno\\nno\\nx\\n"',
      ],
    },
  ],
  [
    'eight lines in a row that are no fields, and a field below them',
    'A: b\nno\nno\nno\nno\nno\nno\nno\nno\nContent-Transfer-Encoding: base64\n\nx\n',
    {
      common: ['0/0 identity,base64 "x\\n"'],
      'strange line: begins the body': [
        '0/0 identity "no\\nno\\nno\\nno\\nno\\nno\\nno\\nno\\nContent-Transfer-Encoding: base64\\n\\nx\\n"',
      ],
      'strange line: begins the body of a mail, or ends the header of a part if it has no colon': [
        '0/0 identity "no\\nno\\nno\\nno\\nno\\nno\\nno\\nno\\nContent-Transfer-Encoding: base64\\n\\nx\\n"',
      ],
    },
  ],
  [
    'nine such lines below the field of a multipart',
    'Content-Type: multipart/mixed; boundary=b\nno\nno\nno\nno\nno\nno\nno\nno\nno\n--b\n\nx\n',
    {
      common: ['1/0 identity "x\\n"', '0/0 identity "--b\\n\\nx\\n"'],
      'strange line: begins the body': [
        '0/0 identity "no\\nno\\nno\\nno\\nno\\nno\\nno\\nno\\nno\\n"',
        '1/0 identity "x\\n"',
      ],
      'strange line: begins the body of a mail, or ends the header of a part if it has no colon': [
        '0/0 identity "no\\nno\\nno\\nno\\nno\\nno\\nno\\nno\\nno\\n"',
        '1/0 identity "x\\n"',
      ],
      'own delimiter in header: is one more line of the header': [
        '0/0 identity "x\\n"',
        '0/0 identity "x\\n"',
      ],
      'multipart: is that of a text or a file': ['0/0 identity "--b\\n\\nx\\n"'],
    },
  ],
  [
    'a blank line in a header',
    'A: b\n \nC: d\n\nx\n',
    {
      common: ['0/0 identity "x\\n"'],
      'blank line: ends the header': ['0/0 identity "C: d\\n\\nx\\n"'],
    },
  ],
  [
    'a line in the header of a part that is no field',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nno field\nC: d\n\nx\n',
    {
      common: ['1/0 identity "x\\n"'],
      'strange line: begins the body': ['1/0 identity "no field\\nC: d\\n\\nx\\n"'],
      'strange line: begins the body of a mail, or ends the header of a part if it has no colon': [
        '1/0 identity "C: d\\n\\nx\\n"',
      ],
    },
  ],
  [
    'a line that is no field in a part, and in a message in it',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\nno  field: a\n\nA: b\n.\nx\n--b--\n',
    {
      common: ['1/0 identity "A: b\\n.\\nx\\n"'],
      'strange line: begins the body': [
        '2/1 identity "no  field: a\\n\\nA: b\\n.\\nx\\n"',
        '1/0 identity "no  field: a\\n\\nA: b\\n.\\nx\\n"',
      ],
      'strange line: begins the body of a mail, or ends the header of a part if it has no colon': [
        '2/1 identity ".\\nx\\n"',
        '1/0 identity "A: b\\n.\\nx\\n"',
      ],
      'delimiter in header: is one more line of the header': [
        '1/0 identity "A: b\\n.\\nx\\n--b--\\n"',
      ],
    },
  ],
  [
    'fields in a text',
    'A: b\n\nx\nContent-Transfer-Encoding: base64\n\ny\n',
    { common: ['0/0 identity "x\\nContent-Transfer-Encoding: base64\\n\\ny\\n" text'] },
  ],
  [
    'fields in a text that belongs to the header for some readers',
    'A: b\nno\nno\nno\nno\nno\nno\nno\nno\nno\nContent-Transfer-Encoding: base64\n\ny\n',
    {
      common: ['0/0 identity,base64 "y\\n"'],
      'strange line: begins the body': [
        '0/0 identity "no\\nno\\nno\\nno\\nno\\nno\\nno\\nno\\nno\\nContent-Transfer-Encoding: base64\\n\\ny\\n"',
      ],
      'strange line: begins the body of a mail, or ends the header of a part if it has no colon': [
        '0/0 identity "no\\nno\\nno\\nno\\nno\\nno\\nno\\nno\\nno\\nContent-Transfer-Encoding: base64\\n\\ny\\n"',
      ],
    },
  ],
  [
    'empty lines of which fewer readers take the first for one',
    'A: b\n\r\r\nC: d\n\r\nx\n',
    {
      common: ['0/0 identity "C: d\\n\\r\\nx\\n" text'],
      'empty line with CRs: is one more line of the header': ['0/0 identity "x\\n" text'],
      'bare CR: ends a line': ['0/0 identity "\\r\\nC: d\\n\\r\\nx\\n" text'],
    },
  ],
  [
    'empty lines of which as many readers take the second for one',
    'A: b\n\r\nC: d\n\r\nx\n\ny\n',
    {
      common: ['0/0 identity "C: d\\n\\r\\nx\\n\\ny\\n" text'],
      'empty line: is one more line of the header': ['0/0 identity "y\\n"'],
    },
  ],
  [
    'a header below an empty line',
    '\nA: b\n\nx\n',
    {
      common: ['0/0 identity "x\\n" text'],
      'blank top: end an empty header': ['0/0 identity "A: b\\n\\nx\\n" text'],
    },
  ],
  [
    'a header below the line of an mbox',
    'From a@b Mon Jun 1\nA: b\n\nx\n',
    { common: ['0/0 identity "x\\n" text'] },
  ],
  [
    'the line of an mbox that is not above the fields',
    'A: b\nC: d\n>From a\n\nx\n',
    {
      common: ['0/0 identity "x\\n" text'],
      'strange line: begins the body': ['0/0 identity ">From a\\n\\nx\\n"'],
      'strange line: begins the body of a mail, or ends the header of a part if it has no colon': [
        '0/0 identity ">From a\\n\\nx\\n"',
      ],
    },
  ],
  [
    'an encoded multipart',
    'Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\nx\n',
    { common: ['1/0 identity,base64 "x\\n"'] },
  ],
  [
    'a multipart in an encoded one',
    'Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\nContent-Type: multipart/mixed; boundary=C\n\n--C\n\nx\n',
    { common: ['2/0 identity,base64 "x\\n"'] },
  ],
  [
    'text where a bare CR may end a line',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\r--b\n\ny\n--b--\n',
    {
      common: ['1/0 identity "x\\r--b\\n\\ny\\n"'],
      'bare CR: ends a line': ['1/0 identity "x\\r"', '1/0 identity "y\\n"'],
    },
  ],
  [
    'a type that only some take for a message',
    'Content-Type: message\n\nA: b\n\nx\n',
    { common: ['1/1 identity "x\\n" text', '0/0 identity "A: b\\n\\nx\\n"'] },
  ],
  [
    'a delimiter in the header of a part',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n--b\n\neA==\n--b--\n',
    {
      common: ['1/0 identity "eA==\\n"'],
      'delimiter in header: is one more line of the header': ['1/0 identity,base64 "eA==\\n"'],
    },
  ],
  [
    'a delimiter after the end of its multipart',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b\n\ny\n',
    {
      common: ['1/0 identity "x\\n"', '0/0 identity "--b\\n\\ny\\n" text'],
      'delimiter after the end: begins a part': ['1/0 identity "x\\n"', '1/0 identity "y\\n"'],
    },
  ],
]

t.test('each choice of each habit finds other parts in one of these messages', async (t) => {
  const shown = new Set(cases.flatMap(([, , leaves]) => Object.keys(leaves)))
  const choices = Object.entries(structureHabits).flatMap(([habit, { choices }]) =>
    choices.slice(1).map(({ does }) => `${habit}: ${does}`),
  )
  // Asked where depth alone counts, which finds no leaves: nested.test.ts.
  const ofDepth = ['field below header: is one more line of the header']
  t.same(choices.filter((choice) => !shown.has(choice)), ofDepth) // biome-ignore format: a line
})

for (const [name, mail, leaves] of cases) {
  t.test(`the parts of a mail: ${name}`, async (t) => {
    const found: Record<string, string[]> = {}
    for (const { reading, leaves } of allReadings(Buffer.from(mail, 'latin1')).done) {
      const { habits } = reading
      const [feature, ...more] = habits.choices.keys()
      if (more.length > 0) continue
      const texts = leaves.map(({ from, to, encodings, depth, header }) => {
        const text = header.text !== 'file' ? ' text' : ''
        return `${depth.levels}/${depth.messages} ${encodings} ${JSON.stringify(mail.slice(from, to))}${text}`
      })
      const choice = feature === undefined ? 'common' : `${feature}: ${habits.wouldDo(feature)}`
      if (String(texts) !== String(found.common)) found[choice] = texts
    }
    t.same(found, leaves)
  })
}

t.test('lines of a header that are not fields do not count as fields', async (t) => {
  const mail = `A: b\n${'words of a text\n'.repeat(200_000)}`
  const { done, unread } = allReadings(Buffer.from(mail, 'latin1'))
  t.equal(unread, undefined)
  t.ok(done.some(({ leaves }) => leaves.some(({ from, to }) => to - from > mail.length - 10)))
})

t.test(
  'a delimiter may have any number of blanks after its dashes, and of NULs anywhere',
  async (t) => {
    for (const line of [
      `--${' '.repeat(1096)}bcd`,
      `--${' '.repeat(1099)}bcd`,
      `--${' '.repeat(2000)}bcd`,
      `--${'\t'.repeat(20_000)}bcd`,
      `--${' \0'.repeat(900)}bcd`,
      `--b${'\0'.repeat(1099)}cd`,
      `--b${'\0'.repeat(70_000)}cd`,
      `--${[...'bcd'].join('\0'.repeat(1000))}`,
    ]) {
      const mail = `Content-Type: multipart/mixed; boundary=bcd\n\n${line}\nA: b\n${line}\n\nx\n${line}--\n`
      const [common] = allReadings(Buffer.from(mail, 'latin1')).done
      const texts = common!.leaves.map(({ from, to }) => mail.slice(from, to))
      t.ok(
        texts.length === 1 && texts[0] === 'x\n',
        JSON.stringify([line.length, line.slice(0, 5)]),
      )
    }
  },
)

t.test('text after the end of a multipart is a part if a field begins it', async (t) => {
  const multipart = 'Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n'
  const types = (end: string) =>
    allReadings(Buffer.from(multipart + end, 'latin1')).done.flatMap(({ leaves }) =>
      leaves.filter(({ header }) => header.type === 'a/b'),
    ).length
  t.equal(types('Content-Type: a/b\n\ny\n'), 1)
  t.equal(types('A text.\nContent-Type: a/b\n\ny\n'), 1)
  t.equal(types('From a@example.org\nContent-Type: a/b\n\ny\n'), 1, 'a line of an mbox')
  t.equal(types('A text.\n\nContent-Type: a/b\n\ny\n'), 0)
  t.equal(allReadings(Buffer.from(`${multipart}A text.\n\nA: b\n`)).done.length, 1)
})

t.test('the second reading of a message does not read its contents again', async (t) => {
  const file = 'A file of many lines.\n'.repeat(10_000)
  const mail = `Content-Type: multipart/mixed; boundary=b\n\n--b\n\n${file}--b more\n\nx\n--b--\n`
  const { done } = allReadings(Buffer.from(mail, 'latin1'))
  const [first, ...others] = done.map(({ work }) => work)
  t.ok(first! >= mail.length / SEARCHED_PER_UNIT)
  t.ok(others.length > 0 && others.every((work) => work < 10_000), String(others))
})
