import { misspeltSettings } from '../../ground/settings/misspelt-settings.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { isSetting } from '../../ground/settings/table.ts'

/** Variables that the dynamic linker, the C library or a runtime obeys, and that are not settings. */
const loaders = /^(LD_|BUN_|NODE_|JSC_|MIMALLOC_|MALLOC_|GLIBC_|GCONV_PATH$|LOCPATH$|NLSPATH$)/

export function withoutLoaders(env: Environment): Environment {
  return without(env, (name) => loaders.test(name))
}

/**
 * The environment for another account: onescan's settings, PATH and nothing else. A list of what must not
 * cross would never be whole: each program of root's has secrets of its own.
 */
export function settingsAlone(env: Environment): Environment {
  return without(env, (name) => !isSetting(name) && name !== 'PATH')
}

/** The same with names that are almost those of settings, which the other account reports. */
export function settingsAndMisspelt(env: Environment): Environment {
  const isMisspelt = (name: string) => misspeltSettings({ [name]: env[name] }).length > 0
  return without(env, (name) => !isSetting(name) && name !== 'PATH' && !isMisspelt(name))
}

function without(env: Environment, drops: (name: string) => boolean): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !drops(name)))
}
