"""erasures of one thing, of many people and of a school that leaves; receipts by several links"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

NEW = (
    ('target', sa.Text()), ('by', sa.String(length=32)), ('through', sa.String(length=32)),
    ('batch', sa.String(length=32)), ('destroyed', sa.BigInteger()), ('dead_by', sa.BigInteger()),
    ('owner', sa.String(length=32)), ('until', sa.BigInteger()),
)


def upgrade() -> None:
    op.create_table('receipts',
    sa.Column('erasure', sa.String(length=32), nullable=False),
    sa.Column('made', sa.BigInteger(), nullable=False),
    sa.Column('signed', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('erasure', name=op.f('pk_receipts'))
    )
    op.create_table('receipt_links',
    sa.Column('secret', sa.LargeBinary(length=32), nullable=False),
    sa.Column('erasure', sa.String(length=32), nullable=False),
    sa.Column('made', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('secret', name=op.f('pk_receipt_links'))
    )
    with op.batch_alter_table('receipt_links', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_receipt_links_erasure'), ['erasure'], unique=False)
    # Receipts that are still waiting to be fetched keep their links.
    op.execute(
        "INSERT INTO receipts (erasure, made, signed) SELECT id, ended, receipt FROM erasures "
        "WHERE receipt IS NOT NULL AND ended IS NOT NULL"
    )
    op.execute(
        "INSERT INTO receipt_links (secret, erasure, made) SELECT secret, id, begun FROM erasures "
        "WHERE secret IS NOT NULL"
    )
    with op.batch_alter_table('erasures', schema=None) as batch_op:
        batch_op.drop_constraint('uq_erasures_person', type_='unique')
        batch_op.drop_column('secret')
        batch_op.drop_column('receipt')
        for name, kind in NEW:
            batch_op.add_column(sa.Column(name, kind, nullable=True))
        batch_op.create_index(batch_op.f('ix_erasures_person'), ['person'], unique=False)
        batch_op.create_index(batch_op.f('ix_erasures_batch'), ['batch'], unique=False)
        batch_op.create_index('ix_erasures_school', ['school', 'begun'], unique=False)
        batch_op.create_index('ix_erasures_step', ['step', 'begun'], unique=False)
    with op.batch_alter_table('schools', schema=None) as batch_op:
        batch_op.add_column(sa.Column('again', sa.Integer(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('left', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('was', sa.String(length=300), nullable=True))
    with op.batch_alter_table('erasure_state', schema=None) as batch_op:
        batch_op.add_column(sa.Column('clock', sa.BigInteger(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('parked', sa.BigInteger(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward: restore the backup made before.")
