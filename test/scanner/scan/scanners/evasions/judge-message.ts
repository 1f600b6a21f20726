import { readSpoolSettings } from '../../../../../src/mail/message/spool.ts'
import { readScanSettings } from '../../../../../src/scanner/scan/scanners/contract/scan-settings.ts'
import { makeScanners } from '../../../../../src/scanner/scan/scanners/make-scanners.ts'
import { scanBytes } from '../../../../../src/scanner/scan/scanners/run/manual-scan.ts'

/** Whether onescan, by hand and with its default settings, does not call a message clean. */
export async function judgeMessage(
  clamd: string,
  message: Buffer,
): Promise<{ readonly isFound: boolean; readonly notes: readonly string[] }> {
  const env = { CLAMD: clamd, QHPSI: 'plugin: clamd' }
  const settings = readScanSettings(env, { qmailHome: '/nowhere', control: '/nowhere' })!
  async function* bytes() {
    yield message
  }
  const { result, notes } = await scanBytes(bytes(), {
    spool: readSpoolSettings(env),
    scanners: await makeScanners(settings),
    settings,
  })
  return { isFound: result.answer !== 'clean', notes }
}
