import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../../../cases/case.ts'

/** The scanner of the milter's tests, and what it finds. */
export const scanning = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' }

/** The test virus in a message of its own. */
export const eicar: Buffer = bytes(`Subject: x\n\n${EICAR}\n`)
