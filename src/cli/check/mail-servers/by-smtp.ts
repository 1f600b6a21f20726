import { error, type Finding, ok } from '../../../ground/errors/finding.ts'
import { type OnescandSources, onescandAddresses } from './onescand-addresses.ts'

/**
 * What can be seen of a server that hands its mail to onescand by SMTP: whether onescand takes mail
 * so. The server's own settings are not read.
 */
export function checkBySmtp(server: 'Exim' | 'OpenSMTPD', sources: OnescandSources): Finding[] {
  const { relays } = onescandAddresses(sources)
  if (relays.length === 0) {
    const value = 'knows no milter, and onescand takes no mail by SMTP: mail is not scanned'
    return [error(server, value, `set up both by doc/mail-servers.md, "${server}"`)]
  }
  const value = `whether its mail goes to ${relays.join(' or ')}, where onescand listens, was not seen`
  return [ok(server, `${value}; onescan check --mail ADDRESS shows it`)]
}
