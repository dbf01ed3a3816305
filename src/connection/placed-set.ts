/**
 * A set whose members store their own index. A `Set` rebuilds its table now and then, which is 120 bytes for each request. Each old table
 * also refers to the next one: once a table is in V8's old generation, the members of all later tables stay alive until the next full
 * collection. With one dial for each request, that was an eighth of a request's time.
 */
export class PlacedSet<Member extends { place: number }> implements Iterable<Member> {
  readonly #members: Member[] = []

  get size (): number { return this.#members.length }

  [Symbol.iterator] (): Iterator<Member> { return this.#members.values() }

  has (member: Member): boolean {
    return this.#members[member.place] === member
  }

  add (member: Member): void {
    member.place = this.#members.push(member) - 1
  }

  /** Returns false where the member was not in the set. The last member takes the free index. */
  delete (member: Member): boolean {
    if (!this.has(member)) return false
    const last = this.#members.pop()!
    if (last !== member) {
      this.#members[member.place] = last
      last.place = member.place
    }
    return true
  }

  clear (): void {
    this.#members.length = 0
  }
}
