import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { INSTALL, README, type Step } from './step.ts'

/** How onescan and clamd come to a host, and how the services are started. */
export interface Install {
  readonly steps: readonly Step[]
  /** What the reader looks at when mail is scanned. */
  readonly looks: readonly Step[]
}

/** Signatures: one, for the test file, since freshclam has nobody to ask here. */
const signatures: Step = {
  place: `mkdir -p /var/lib/clamav && echo 'EICAR-Test:0:*:${Buffer.from(EICAR).toString('hex')}' >/var/lib/clamav/test.ndb`,
}

/** No bare Debian has a service manager that runs in a directory tree. */
const svscan: Step = { place: '(svscan /service </dev/null >/var/log/svscan 2>&1 &)' }

const ready: Step = {
  place:
    'for i in $(seq 300); do test -S /run/onescan/qmail.sock -a -S /run/clamav/clamd.ctl && break; sleep 0.1; done',
}

export const byPackage: Install = {
  steps: [
    { self: 'apt install --no-install-recommends clamav-daemon', needs: 'network' },
    {
      page: INSTALL,
      type: 'apt install --no-install-recommends ./build/onescan_*.deb ./build/onescan-runtime_*.deb',
      needs: 'network',
    },
    { printed: /^onescan: {3}((?:sed|echo) .*)$/gm },
    signatures,
    svscan,
    {
      page: INSTALL,
      type: `cd /usr/share/onescan/supervise
cp -r clamd freshclam onescand /etc/
ln -s /etc/clamd /etc/freshclam /etc/onescand /service/`,
    },
    ready,
  ],
  looks: [
    {
      self: 'id onescan; stat -c "%G %a %n" /var/spool/onescan; readlink /etc/onescan/queue',
      expect: /onescan-keys/,
    },
    {
      self: 'svstat /service/onescand /service/clamd; ps -C onescand,clamd -o user=,comm=',
      expect: /^onescan +onescand\n/m,
    },
    { self: 'pidof onescand >/dev/null && echo pidof knows it', expect: /knows/ },
  ],
}

/** The same from a checkout, /root/onescan, as doc/install.md has it. */
export const byCheckout: Install = {
  ...byPackage,
  steps: [
    {
      page: INSTALL,
      type: 'apt install --no-install-recommends git npm gcc libc6-dev debhelper clamav-daemon',
      needs: 'network',
    },
    { self: 'cd /root/onescan' },
    {
      page: INSTALL,
      type: `npm run package
apt install --no-install-recommends ./build/onescan_*.deb ./build/onescan-runtime_*.deb`,
      needs: 'network',
    },
    { place: 'cd /root' },
    ...byPackage.steps.slice(2),
  ],
}

/** The same from the repository of a release. */
export const byRepository: Install = {
  ...byPackage,
  steps: [
    { place: 'cp /root/apt/onescan.sources /etc/apt/sources.list.d/' },
    {
      page: README,
      type: 'apt update\napt install --no-install-recommends onescan clamav-daemon',
      needs: 'network',
    },
    ...byPackage.steps.slice(2),
  ],
}

/** Debian's is too old, in bookworm and trixie. */
const newerNode: Step = { page: INSTALL, type: 'npm install -g node@24', needs: 'network' }

export const byNpm: Install = {
  steps: [
    {
      self: 'apt install --no-install-recommends nodejs npm ca-certificates clamav-daemon',
      needs: 'network',
    },
    newerNode,
    {
      page: INSTALL,
      type: 'npm install -g ./onescan-1.0.0.tgz\nln -sfn "$(npm root -g)/onescan/packaging/shipped" /usr/share/onescan\nsh /usr/share/onescan/setup',
      needs: 'network',
    },
    { self: 'echo "AlertExceedsMax yes" >>/etc/clamav/clamd.conf' },
    signatures,
    svscan,
    {
      place: 'cp -r /usr/share/onescan/supervise/clamd /etc/ && ln -s /etc/clamd /service/',
    },
    { page: INSTALL, type: 'ln -s /etc/onescand /service/' },
    ready,
  ],
  looks: [
    {
      page: INSTALL,
      type: 'sh /usr/share/onescan/setup',
      expect: /^(?!.*(?:write|useradd|install) )/s,
    },
    {
      self: 'svc -d /service/onescand; sleep 1; onescan check',
      expect: /svc -u \/service\/onescand/,
    },
    { self: 'svc -u /service/onescand; sleep 3' },
  ],
}
