/** Something that a user set and will come to regret: logged once at register. `id` is a rule's in src/check/rules.ts. */
export interface OptionWarning { readonly id: string, readonly found: string }
