/** The characters of latin1 that the bytes of code page 37 are, in hex. */
const PAGE_37 =
  '000102039c09867f978d8e0b0c0d0e0f101112139d8508871819928f1c1d1e1f' +
  '80818283840a171b88898a8b8c050607909116939495960498999a9b14159e1a' +
  '20a0e2e4e0e1e3e5e7f1a22e3c282b7c26e9eaebe8edeeefecdf21242a293bac' +
  '2d2fc2c4c0c1c3c5c7d1a62c255f3e3ff8c9cacbc8cdcecfcc603a2340273d22' +
  'd8616263646566676869abbbf0fdfeb1b06a6b6c6d6e6f707172aabae6b8c6a4' +
  'b57e737475767778797aa1bfd0dddeae5ea3a5b7a9a7b6bcbdbe5b5dafa8b4d7' +
  '7b414243444546474849adf4f6f2f3f57d4a4b4c4d4e4f505152b9fbfcf9faff' +
  '5cf7535455565758595ab2d4d6d2d3d530313233343536373839b3dbdcd9da9f'

/** The differences of other code pages from it: a byte, and its character, in hex. */
const differences: Readonly<Record<string, string>> = {
  '37': '',
  '500': '4a5b4f215a5d5f5eb0a2baacbb7c',
  '1047': '5f5ead5bb0acbaddbba8bd5d',
  '273': '437b4ac44f21597e5adc5f5e635b6af67ca7a1dfb0a2b540baacbb7cc0e4cca6d0fcdc7de0d6ec5cfc5d',
}

/** Their other names. Those from 1140 on additionally have the euro sign. */
const others: Readonly<Record<string, string>> = {
  ...{ '1140': '37', us: '37', ca: '37', nl: '37', wt: '37' },
  ...{ '1148': '500', be: '500', ch: '500', int: '500', int1: '500' },
  ...{ '1141': '273', '924': '1047' },
}

/** The numbers of code pages of EBCDIC that are not decoded here. */
const UNKNOWN_PAGES =
  /^(?:256|27[4578]|28[01245]|29[07]|38|42[034]|803|838|87[015]|880|905|918|93[03579]|102[56]|10[78]0|108[14]|1079|1097|1112|112[23]|113[0279]|114[2-79]|115[3-8]|116[046]|1364|1371|138[08]|1390|1399|4517|4899|4971|9030|12712|16804)$/

const NAME = /^(?:cs)?(?:x?ebcdic(?:cp)?|ibm|cp|ccsid)0*((?:[1-9a-z_]\w*)?)$/
/** Numbers alone are names to glibc, as are those of the registry of the OSF, in hex. */
const NUMBER = /^(?:(500|1026|1047)|500v1|osf1002([0-9a-f]{4}))$/

/** Returns the EBCDIC code page of a plain name, or undefined if it is not one. */
function pageOf(charset: string): string | undefined {
  const number = NUMBER.exec(charset)
  if (!number) return NAME.exec(charset)?.[1]
  const [, decimal = '500', hex] = number
  return hex === undefined ? decimal : String(Number.parseInt(hex, 16))
}

/**
 * Returns whether a character set, given by its plain name, is one of EBCDIC, in which a text of ASCII is a
 * different text.
 */
export function isEbcdic(charset: string): boolean {
  const page = pageOf(charset)
  const isKnown = charset.includes('ebcdic') || ebcdicToLatin1(charset) !== undefined
  return isKnown || (page !== undefined && UNKNOWN_PAGES.test(page))
}

/** Returns the table from an EBCDIC character set to latin1, or undefined if the set is not known here. */
export function ebcdicToLatin1(charset: string): Buffer | undefined {
  const name = pageOf(charset) ?? ''
  const page = Object.hasOwn(others, name) ? others[name]! : name
  if (!Object.hasOwn(differences, page)) return undefined
  const table = Buffer.from(PAGE_37, 'hex')
  const changed = Buffer.from(differences[page]!, 'hex')
  for (let at = 0; at < changed.length; at += 2) table[changed[at]!] = changed[at + 1]!
  return table
}
