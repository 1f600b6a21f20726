export function isLog(
  env: Readonly<Record<string, string | undefined>>,
  descriptor?: number,
): boolean
