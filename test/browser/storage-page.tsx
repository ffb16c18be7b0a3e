/** A form that sends an amount, for storage.test.ts. */
import { useIdempotencyKey } from "onceonly/react";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";

function Form() {
  const [amount, setAmount] = useState(1);
  const [sent, setSent] = useState("");
  const { key, settle } = useIdempotencyKey({ intent: { amount }, storage: "sessionStorage" });
  return (
    <>
      <button type="button" onClick={() => setSent(key())}>
        Send
      </button>
      <button type="button" onClick={() => settle(sent)}>
        Succeed
      </button>
      <button type="button" onClick={() => setAmount(amount + 1)}>
        Raise
      </button>
      <output>{sent}</output>
    </>
  );
}

createRoot(document.body).render(
  <StrictMode>
    <Form />
  </StrictMode>,
);
