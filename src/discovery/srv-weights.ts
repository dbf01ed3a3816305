/** An SRV record. `target` is where it leads: addresses of it share its weight. */
export interface Weighed { readonly priority: number, readonly weight: number }

// RFC 2782: "records with weight 0 should have a very small chance of being selected". Of the lightest record beside it.
const OF_THE_LIGHTEST = 0.01

/**
 * The weights of SRV records, as numbers above 0: the same for all where all of a priority are 0 ("server selection isn't required"), and
 * a hundredth of the lightest one for a 0 beside others (RFC 2782, weight).
 */
export function weightsOf (records: readonly Weighed[]): number[] {
  return records.map(({ priority, weight }) => {
    if (weight > 0) return weight
    const others = records.filter(other => other.priority === priority && other.weight > 0).map(other => other.weight)
    return others.length === 0 ? 1 : Math.min(...others) * OF_THE_LIGHTEST
  })
}
