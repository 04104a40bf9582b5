import { LRUCache } from 'lru-cache';
import type { Route } from '../../core/data-plane/source-address.js';
import type { Address } from '../../core/endpoint.js';
import type { Routes } from '../../ports/routes.js';

/** Backends' addresses remembered; one more costs a request to the kernel, nothing else. */
const ADDRESSES_MOST = 4_096;

/** What the kernel answers, in a form that a cache can hold. */
type Answer = { readonly route: Route | undefined };

/** Routes to backends, forgotten whenever anything about routing changes. */
export class RouteCache {
  readonly #routes: Routes;
  /** Grows as it fills, as it would not with `max`. */
  readonly #answers = new LRUCache<Address, Answer>({ maxSize: ADDRESSES_MOST, sizeCalculation: () => 1 });

  constructor(routes: Routes) {
    this.#routes = routes;
    routes.onChange(() => this.#answers.clear());
  }

  lookup(destination: Address): Route | undefined {
    let answer = this.#answers.get(destination);
    if (answer === undefined) {
      answer = { route: this.#routes.lookup(destination) };
      this.#answers.set(destination, answer);
    }
    return answer.route;
  }
}
