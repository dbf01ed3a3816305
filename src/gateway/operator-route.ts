/** How a route that operators ask is registered: under pressure it is let through, and its requests are not logged. */
export const OPERATOR_ROUTE = { config: { pressureHandler: () => undefined }, logLevel: 'warn' } as const
