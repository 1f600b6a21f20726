/** How much memory the compiled runtime reserves for the code that it makes, in bytes; ours alone. */
export const CODE_SETTING = 'BUN_JSC_jitMemoryReservationSize'
