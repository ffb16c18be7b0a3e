import type { ReactNode } from "react";
import { PRODUCTS, type ProductId } from "../app/products.ts";
import { type Cart, totalCentsOf } from "./cart.ts";
import { money } from "./format.ts";

interface ShopProps {
  readonly cart: Cart;
  readonly onQuantity: (product: ProductId, quantity: number) => void;
  readonly children: ReactNode;
}

export function Shop({ cart, onQuantity, children }: ShopProps) {
  return (
    <section className="shop" aria-labelledby="shop">
      <h2 id="shop">Your cart</h2>
      <ul className="lines">
        {PRODUCTS.map(({ id, name, note, priceCents }) => (
          <li key={id}>
            <span className="name">{name}</span>
            <span className="note">{note}</span>
            <Stepper
              name={name}
              value={cart.quantities[id]}
              isFixed={cart.isSubmitted}
              onChange={(quantity) => onQuantity(id, quantity)}
            />
            <span className="price">{money(priceCents * cart.quantities[id])}</span>
          </li>
        ))}
      </ul>
      <p className="total">
        <span>Total</span>
        <strong>{money(totalCentsOf(cart))}</strong>
      </p>
      {children}
    </section>
  );
}

interface StepperProps {
  readonly name: string;
  readonly value: number;
  readonly isFixed: boolean;
  readonly onChange: (value: number) => void;
}

function Stepper({ name, value, isFixed, onChange }: StepperProps) {
  const step = (by: number) => Math.min(9, Math.max(0, value + by));
  return (
    <span className="stepper" role="group" aria-label={`Quantity of ${name}`}>
      <button
        type="button"
        aria-label={`One ${name} less`}
        disabled={isFixed || value === 0}
        onClick={() => onChange(step(-1))}
      >
        −
      </button>
      <output>{value}</output>
      <button
        type="button"
        aria-label={`One ${name} more`}
        disabled={isFixed || value === 9}
        onClick={() => onChange(step(1))}
      >
        +
      </button>
    </span>
  );
}
