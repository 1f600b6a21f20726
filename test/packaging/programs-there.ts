import { execFileSync } from 'node:child_process'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'

const COPY = `for program; do
  for file in $program $(ldd $program | grep -o '/[^ ]*'); do
    test -e "$THERE$file" || { mkdir -p "$THERE$(dirname $file)"; cp -L $file "$THERE$file"; }
  done
done`

/** Copies programs of this host with their libraries into a Debian at `path`: a bare one's apt has few packages. */
export function copyPrograms(path: string, programs: readonly string[]): void {
  execFileSync('sh', ['-euc', COPY, 'sh', ...programs], { env: { ...process.env, THERE: path } })
}

/** A script that makes what the package of clamd would bring: its account, settings and unit, and a signature. */
export const SET_UP_CLAMD = `adduser --system --group --home /var/lib/clamav clamav
  mkdir -p /etc/clamav && printf '%s\\n' 'User clamav' 'DatabaseDirectory /var/lib/clamav' 'Foreground yes' 'AlertExceedsMax yes' \\
    'LocalSocket /run/clamav/clamd.ctl' 'LocalSocketMode 666' 'DisableCache yes' \\
    'ScanMail yes' 'ScanArchive yes' >/etc/clamav/clamd.conf
  printf '%s\\n' '[Service]' RuntimeDirectory=clamav User=clamav ExecStart=/usr/sbin/clamd \\
    '[Install]' WantedBy=multi-user.target >/etc/systemd/system/clamd.service
  echo 'EICAR-Test:0:*:${Buffer.from(EICAR).toString('hex')}' >/var/lib/clamav/x.ndb
  systemctl enable clamd.service`
