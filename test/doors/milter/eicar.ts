import { bytes } from '../../cases/case.ts'

/** What every test of the door scans with, and what is found by it. */
export const scanning = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' }

/** The test virus in a message of its own. */
export const eicar: Buffer = bytes(
  `Subject: x\n\n${'X5O!P%@AP[4\\PZX54(P^)7CC)7}$'}EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*\n`,
)
