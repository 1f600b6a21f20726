import type { Environment } from '../../ground/settings/settings.ts'

/** Variables that the dynamic linker, the C library or a runtime obeys, and that are no settings. */
const loaders = /^(LD_|BUN_|NODE_|JSC_|MIMALLOC_|MALLOC_|GLIBC_|GCONV_PATH$|LOCPATH$|NLSPATH$)/

/** Variables of a person at a terminal. A service has none of them, or other values. */
const session =
  /^(HOME|USER|LOGNAME|MAIL|SHELL|TMPDIR|PWD|OLDPWD|TERM|DISPLAY|(SSH|SUDO|XDG|DBUS|GPG|KRB5|AWS)_.*)$/
const secrets = /TOKEN|SECRET|PASSPHRASE|PASSWD|CREDENTIAL/i

export function withoutLoaders(env: Environment): Environment {
  return without(env, (name) => loaders.test(name))
}

/** The environment for another account: without the variables of a session, and without secrets. */
export function withoutSession(env: Environment): Environment {
  return without(env, (name) => session.test(name) || secrets.test(name))
}

function without(env: Environment, drops: (name: string) => boolean): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !drops(name)))
}
