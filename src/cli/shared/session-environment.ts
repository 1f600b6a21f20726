import type { Environment } from '../../ground/settings/settings.ts'

/** What the dynamic linker, the C library or a runtime obeys: no settings of a slot. */
const loaders = /^(LD_|BUN_|NODE_|JSC_|MIMALLOC_|MALLOC_|GLIBC_|GCONV_PATH$|LOCPATH$|NLSPATH$)/

/** What belongs to whoever is at the terminal: a service has none of it, or its own. */
const session =
  /^(HOME|USER|LOGNAME|MAIL|SHELL|TMPDIR|PWD|OLDPWD|TERM|DISPLAY|(SSH|SUDO|XDG|DBUS|GPG|KRB5|AWS)_.*)$/
const secrets = /TOKEN|SECRET|PASSPHRASE|PASSWD|CREDENTIAL/i

export function withoutLoaders(env: Environment): Environment {
  return without(env, (name) => loaders.test(name))
}

/** For another account: neither root's places nor what he alone is to know. */
export function withoutSession(env: Environment): Environment {
  return without(env, (name) => session.test(name) || secrets.test(name))
}

function without(env: Environment, drops: (name: string) => boolean): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !drops(name)))
}
