/** Options of a route for operators, like health: it answers under pressure too, and its requests are not logged. */
export const OPERATOR_ROUTE = { config: { pressureHandler: () => undefined }, logLevel: 'warn' } as const
