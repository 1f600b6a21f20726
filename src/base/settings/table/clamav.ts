import { absolutePath } from '../../text/values.ts'
import { forScanners, parsed, size, text, wordList } from './kinds.ts'

/** The directory of signatures in ClamAV's packages. */
export const DEFAULT_DATABASE = '/var/lib/clamav'

/** The files with which this host speaks TLS with another onescand, as its client and its server. */
export const clamAvTls = {
  CLAMDCERT: parsed(undefined, absolutePath),
  CLAMDKEY: parsed(undefined, absolutePath),
  CLAMDCA: parsed(undefined, absolutePath),
}

export const clamAv = {
  CLAMD: wordList('/run/clamav/clamd.ctl', { ...forScanners, path: 'connects to' }),
  ...clamAvTls,
  CLAMDMAXSIZE: size('100M', forScanners),
  CLAMDBDIR: text(undefined, { ...forScanners, defaultInWords: `\`${DEFAULT_DATABASE}\`` }),
}
