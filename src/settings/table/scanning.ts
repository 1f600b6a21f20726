import { clamAv } from './clamav.ts'
import { findings } from './findings.ts'
import { foundMail, quarantineLimits } from './infected-mail.ts'
import { scanners } from './scanners.ts'
import { clamdClients, scanFailed, unreadMail } from './unscanned-mail.ts'

/** How mail is scanned. */
export const scanning = { ...scanners, ...unreadMail, ...findings, ...clamAv }

/** Settings for mail after the scanners have answered. */
export const treatment = { ...foundMail, ...scanFailed }

/** Settings that are read after the start, and whose faults are reported then. */
export const readLater = { ...quarantineLimits, ...clamdClients }
