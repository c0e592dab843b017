"""Encoders of text: BERT (Devlin et al. 2019) and ALBERT (Lan et al. 2020), whose layers share their weights."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.language_models.attention import Band, grouped
from optimizer.language_models.builder import TransformerBuilder
from optimizer.language_models.dense_readers import activation
from optimizer.language_models.description import Attention
from optimizer.language_models.fields import Fields
from optimizer.language_models.request import CONVENTIONS, Request
from optimizer.networks.builder import BuilderTensor
from optimizer.workload.network import Network


@dataclass(frozen=True)
class TextEncoder:
    """An encoder with normalizations after the residuals.

    Parameters
    ----------
    hidden, width, layers, heads : int
        Width of a token and of the feed-forward part, layers, heads.
    vocabulary, positions, types : int
        Rows of the three tables of embeddings.
    embedding : int
        Width of the embeddings; a projection follows where it is not `hidden`.
    activation : str
        Of the feed-forward part.
    one_layer : bool
        All layers have the weights of the first.
    head : str
        ``mlm``, ``pooler`` or ``none``, where nothing else is asked for.
    """

    hidden: int
    width: int
    layers: int
    heads: int
    vocabulary: int
    positions: int
    types: int
    embedding: int
    activation: str
    one_layer: bool
    head: str

    @property
    def projected(self) -> bool:
        """Whether a projection follows the embeddings."""
        return self.one_layer or self.embedding != self.hidden


def read_text_encoder(fields: Fields) -> TextEncoder:
    """BERT or ALBERT from its configuration."""
    shared = fields.data.get("model_type") == "albert"
    hidden, heads = fields.integer("hidden_size"), fields.integer("num_attention_heads")
    fields.divided("hidden_size", "num_attention_heads", hidden, heads)
    fields.fixed("position_embedding_type", "absolute")
    fields.fixed("num_hidden_groups", 1)
    fields.fixed("inner_group_num", 1)
    return TextEncoder(
        hidden,
        fields.integer("intermediate_size"),
        fields.layers("num_hidden_layers"),
        heads,
        fields.integer("vocab_size"),
        fields.integer("max_position_embeddings"),
        fields.integer("type_vocab_size"),
        fields.integer("embedding_size") if shared else hidden,
        activation(fields, "hidden_act", default="gelu"),
        shared,
        "mlm" if "ForMaskedLM" in str(fields.data.get("architectures")) else "pooler",
    )


def text_encoder(fields: Fields, name: str, request: Request) -> Network:
    """The layers of BERT or ALBERT on one sequence per sample.

    Raises
    ------
    SpecError
        On a configuration or request that does not fit.
    """
    model = read_text_encoder(fields)
    tokens = request.sequence(model.positions)
    request.conventions.only("head")
    head = request.conventions.head or model.head
    assert head in CONVENTIONS["head"]
    net = TransformerBuilder(f"{name}-{tokens}", batch=request.batch, bits=request.bits)
    x = _embeddings(net, model, tokens)
    for number in range(model.layers):
        x = _layer(net, f"layer{number}", x, model, "layer0" if model.one_layer and number else None)
    if head == "pooler":
        x = net.linear("pooler", net.rows(x, 1), model.hidden)
        net.activation("pooler_activation", "tanh", x)
    elif head == "mlm":
        x = net.activation("mlm_activation", model.activation, net.linear("mlm_dense", x, model.embedding))
        x = net.norm("mlm_norm", x, "layer")
        net.linear("mlm_decoder", x, model.vocabulary, tied="token_embedding")
    return net.network


def _embeddings(net: TransformerBuilder, model: TextEncoder, tokens: int) -> BuilderTensor:
    """The sum of three embeddings, normalized, and projected to the width of the layers."""
    given = net.input(tokens, name="tokens")
    tables = {"token": model.vocabulary, "position": model.positions, "type": model.types}
    words, positions, types = (
        net.embedding(f"{which}_embedding", given, rows, model.embedding) for which, rows in tables.items()
    )
    x = net.add("embedding", net.add("embedding_add", words, positions), types)
    x = net.norm("embedding_norm", x, "layer")
    return net.linear("embedding_projection", x, model.hidden) if model.projected else x


def _layer(
    net: TransformerBuilder, name: str, x: BuilderTensor, model: TextEncoder, first: str | None
) -> BuilderTensor:
    """Attention and feed-forward part, each with its residual and the normalization after it."""

    def product(which: str, given: BuilderTensor, features: int) -> BuilderTensor:
        owner = None if first is None else f"{first}.{which}"
        return net.shared_linear(f"{name}.{which}", given, features, bias=True, owner=owner)

    def joined(which: str, y: BuilderTensor) -> BuilderTensor:
        total = net.add(f"{name}.{which}_add", x, y)
        return net.norm(f"{name}.{which}_norm", total, "layer", shared=first is not None)

    tokens = x.shape[0]
    q, k, v = (product(which, x, model.hidden) for which in ("q_proj", "k_proj", "v_proj"))
    part = Attention(model.heads, model.heads, model.hidden // model.heads)
    y = grouped(net, name, (q, k, v), part, Band(1, tokens, tokens))
    x = joined("attention", product("o_proj", y, model.hidden))
    y = net.activation(f"{name}.activation", model.activation, product("up_proj", x, model.width))
    return joined("mlp", product("down_proj", y, model.hidden))
