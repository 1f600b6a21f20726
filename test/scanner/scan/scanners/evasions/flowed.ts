import {
  alone,
  BASE64,
  base64,
  type Evasion,
  inPart,
  inParts,
  named,
  part,
  TEXT,
} from './compose.ts'
import { testFile } from './files.ts'

const FLOWED = 'Content-Type: text/plain; format=flowed; delsp=yes'
const OPENED_BY = 'Thunderbird, mutt and all that show format=flowed (RFC 3676)'

/** The test file on lines that flow: a blank and a line end between its pieces. */
const pieces = (width: number) =>
  (testFile.toString('latin1').match(new RegExp(`.{1,${width}}`, 'g')) ?? []).join(' \n')

export const flowed: readonly Evasion[] = [
  ...named(
    {
      'format=flowed with delsp, the test file on two lines': () =>
        alone([FLOWED], `${pieces(40)}\n`),
      'format=flowed with delsp, the test file on many lines, in a part': () =>
        inParts(part([FLOWED], pieces(10)), TEXT),
      'format=flowed with delsp, in base64': () =>
        inPart([FLOWED, BASE64], base64(Buffer.from(`${pieces(20)}\n`))),
      'format=flowed with delsp, stuffed with blanks': () =>
        alone([FLOWED], `${pieces(40).replace(/^/gm, ' ')}\n`),
    },
    OPENED_BY,
  ),
]
