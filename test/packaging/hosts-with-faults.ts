import { faultsOfEximWithClamd, furtherFaultsOfExim } from './broken-exim.ts'
import { type BrokenHost, type Fault, hosts } from './broken-hosts.ts'
import { faultsOfQmail } from './broken-qmail.ts'
import { faultsOfSendmail } from './broken-sendmail.ts'
import { furtherFaultsOfPostfix } from './broken-settings.ts'
import { faultsOfProxy, faultsOfRspamd } from './broken-ways.ts'
import { hostWays } from './host-ways.ts'

/** Faults beside those of the list of a host, by its title, or by the name of the way that sets it up. */
const further: Readonly<Record<string, readonly Fault[]>> = {
  'Postfix, with the milter': furtherFaultsOfPostfix,
  'Postfix, over SMTP before its queue': faultsOfProxy,
  'rspamd, as a client of clamd': faultsOfRspamd,
  'Exim, over SMTP': furtherFaultsOfExim,
  'Exim, as a client of clamd': faultsOfEximWithClamd,
  Sendmail: faultsOfSendmail,
  qmail: faultsOfQmail,
}

/** The interfaces of the ways that have faults, beside the hosts of broken-hosts.ts. */
const doors: Readonly<Record<string, BrokenHost['door']>> = {
  'Postfix, over SMTP before its queue': 'smtp',
  'rspamd, as a client of clamd': 'clamd',
}

const hostsOfWays = hostWays.flatMap(({ name, packages, prepare, typed }): BrokenHost[] => {
  const door = doors[name]
  if (door === undefined) return []
  return [
    {
      ...{ title: name, packages: `${packages} clamdscan iproute2 python3`, prepare },
      ...{ setUp: typed, faults: [], door },
    },
  ]
})

/** All hosts that are broken, each with all of its faults. */
export const hostsWithFaults: readonly BrokenHost[] = [...hosts, ...hostsOfWays].map((host) => ({
  ...host,
  faults: [...host.faults, ...(further[host.title] ?? [])],
}))
