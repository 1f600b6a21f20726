import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../../..')

/** What a unit binds into its empty root, each as systemd.exec(5) has it: `-/run/clamav:/var/run/clamav`. */
function boundBy(unit: string): string[] {
  const text = readFileSync(join(root, `packaging/shipped/systemd/${unit}.service`), 'utf8')
  return [...text.matchAll(/^Bind(?:ReadOnly)?Paths=(.*)$/gm)].flatMap(([, paths = '']) =>
    paths.split(' '),
  )
}

/** As systemd makes it: RootDirectory=, MountAPIVFS=, PrivateTmp=. What the host lacks is an empty file. */
const ENTER = `
root=$(mktemp -d) && mount -t tmpfs -o mode=755 tmpfs "$root" || exit 99
for place in proc sys dev; do mkdir "$root/$place" && mount --rbind "/$place" "$root/$place"; done
mkdir -p -m 1777 "$root/tmp" "$root/var/tmp" && mount -t tmpfs tmpfs "$root/dev/shm"
while test "$1" != --; do
  one=$1 both=\${1#-} && from=\${both%%:*} && to=$root\${both##*:} && shift
  if test -d "$from"; then mkdir -p "$to" && mount --rbind "$from" "$to"
  elif test -e "$from"; then mkdir -p "\${to%/*}" && : >"$to" && mount --bind "$from" "$to"
  elif test "$one" = "$both"; then mkdir -p "\${to%/*}" && : >"$to"
  fi || exit 99
done
shift; cd / && exec chroot "$root" "$@"
`

/** The words that run a program as a unit runs its own: it sees what the unit binds, and these paths. */
export function inUnitRoot(
  program: readonly string[],
  paths: readonly string[],
  unit = 'onescand',
): string[] {
  const binds = [...boundBy(unit), ...paths]
  return ['unshare', '--mount', '/bin/sh', '-c', ENTER, 'sh', ...binds, '--', ...program]
}
