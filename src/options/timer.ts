/** The longest time that a timer of Node's takes, in ms: it fires at once for more. */
export const LONGEST_TIMER = 2_147_483_647
