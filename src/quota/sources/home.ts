/**
 * A home directory that somebody wrote down, without slashes at its end; undefined where it
 * is no absolute path, or one with `..`, which would lead elsewhere than it seems.
 */
export function homeIn(text: string): string | undefined {
  if (!text.startsWith('/') || text.includes('\0') || text.split('/').includes('..')) {
    return undefined
  }
  return text.replace(/(?<=.)\/+$/, '')
}
