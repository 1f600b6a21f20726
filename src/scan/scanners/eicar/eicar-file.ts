/**
 * The test file of eicar.org, in two halves so that no scanner takes this file for it.
 * 68 bytes of printable ASCII.
 */
export const EICAR = [
  'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-',
  'ANTIVIRUS-TEST-FILE!$H+H*',
].join('')
